import type { AppError } from '../../platform/errors/app-error.js';
import { fault } from './faults.js';

/**
 * An error page that came with status 200. Beginnings decide where there is a body; some servers label every unknown file as a web
 * page, so the label alone counts only where nothing else is known.
 */
export function looksLikeMarkup(body: Buffer | null, contentType: string | undefined): boolean {
  if (body === null) return /^\s*(text\/html|application\/xhtml)/i.test(contentType ?? '');
  const start = body
    .subarray(0, 512)
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  return /^<(!doctype\s+html|html|head|body|\?xml[^>]*>\s*<!doctype\s+html)/i.test(start);
}

export function sizeMismatch(url: string, expected: number, received: number): AppError {
  return fault('size-mismatch', {
    url,
    expected,
    received,
  });
}

export function sizeExceeded(url: string, maxBytes: number, size: number): AppError {
  return fault('size-exceeded', {
    url,
    maxBytes,
    size,
  });
}
