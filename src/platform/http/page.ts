import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { AppError } from '../errors/app-error.js';
import { MayBeMissing } from './may-be-missing.js';
import { isUuid } from './uuid.js';
import { WholeNumber } from './whole-number.js';

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 500;

/** `?limit=` and `?cursor=` of every list. */
export class PageQuery {
  /** How many items at most; 1 to 500. */
  @MayBeMissing()
  @WholeNumber()
  @IsInt()
  @Min(1)
  @Max(LARGEST_PAGE)
  limit: number = DEFAULT_PAGE;

  /** What the page before gave as `next`. */
  @MayBeMissing()
  @IsString()
  @MaxLength(500)
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** Cursors are opaque to callers: the sort key of the last row, as JSON in base64url. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** What a part of a sort key must look like before it may go into SQL. */
export type CursorPart = 'time' | 'uuid' | 'integer' | 'text';

const FORMS: Record<CursorPart, (part: string) => boolean> = {
  time: (part) => !Number.isNaN(Date.parse(part)) && /^\d{4}-\d\d-\d\dT/.test(part),
  uuid: (part) => isUuid(part),
  integer: (part) => /^\d{1,18}$/.test(part),
  text: (part) => !part.includes('\0'),
};

/**
 * @param parts form of each part of the list's sort key; a number stands for so many texts.
 * @throws AppError `cursor-invalid` when it is not one of ours or of another list.
 */
export function decodeCursor(
  cursor: string | undefined,
  parts: number | readonly CursorPart[],
): (string | number)[] | null {
  if (cursor === undefined) return null;
  const forms: readonly CursorPart[] =
    typeof parts === 'number' ? Array.from({ length: parts }, () => 'text' as const) : parts;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const wellFormed =
      Array.isArray(key) &&
      key.length === forms.length &&
      key.every(
        (k: unknown, at) => (typeof k === 'string' || Number.isFinite(k)) && FORMS[forms[at] ?? 'text'](String(k)),
      );
    if (wellFormed) return key as (string | number)[];
  } catch {
    // falls through to the one refusal below
  }
  throw cursorInvalid();
}

function cursorInvalid(): AppError {
  return new AppError('bad-input', 'cursor-invalid');
}

/** Cuts a page out of `limit + 1` fetched rows. */
export function toPage<R, T>(
  rows: R[],
  limit: number,
  keyOf: (row: R) => readonly (string | number)[],
  map: (row: R) => T,
): Page<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(map), next: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/**
 * A page out of a short list that is at hand as a whole.
 * @throws AppError `cursor-invalid`.
 */
export function pageOf<T extends { id: string }>(list: readonly T[], { limit, cursor }: PageQuery): Page<T> {
  const after = decodeCursor(cursor, ['text']);
  const from = after === null ? 0 : list.findIndex(({ id }) => id === after[0]) + 1;
  if (after !== null && from === 0) throw cursorInvalid();
  return toPage(
    list.slice(from, from + limit + 1),
    limit,
    ({ id }) => [id],
    (item) => item,
  );
}
