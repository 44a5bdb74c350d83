import type { ResumeValidator } from '../store/partial-file.js';
import type { Headers } from './http-answer.js';
import { ageOf, header } from './http-exchange.js';

/** What is put together of two halves must be of one file, also where time stamps and Date come from two clocks (RFC 9110 §8.8.2.2). */
const SETTLED_MS = 60_000;

/** What a later Range request may be bound to: a strong ETag, or a Last-Modified that is old enough to be one; else null. */
export function resumeValidator(headers: Headers): ResumeValidator | null {
  const etag = header(headers, 'etag');
  if (etag !== undefined) return /^"[^"]*"$/.test(etag) ? { kind: 'etag', value: etag } : null;
  const lastModified = header(headers, 'last-modified');
  const age = lastModified === undefined ? null : ageOf(lastModified, headers);
  if (lastModified === undefined || age === null || age < SETTLED_MS) return null;
  return { kind: 'last-modified', value: lastModified };
}

/** Whether a 206 carries exactly the bytes from `offset` to the end of the very file that was begun. */
export function continuesAt(
  headers: Headers,
  offset: number,
  total: number | null,
  validator: ResumeValidator,
): boolean {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header(headers, 'content-range') ?? '');
  if (range === null || Number(range[1]) !== offset) return false;
  const whole = range[3] === '*' ? null : Number(range[3]);
  if (whole !== null && (Number(range[2]) !== whole - 1 || (total !== null && whole !== total))) return false;
  // A server that ignores If-Range shows the new version here.
  const now = header(headers, validator.kind);
  return now === undefined || now === validator.value;
}
