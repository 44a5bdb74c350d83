import { types } from 'node:util';

/** What kind of fault it is; the HTTP status follows from it (see problem.filter.ts). */
export type ErrorKind =
  | 'bad-input' // 400: the caller sent something that cannot be accepted
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'conflict' // 409: true now, may pass
  | 'gone' // 410
  | 'too-large' // 413
  | 'media-type' // 415: a body of a kind that is not taken here
  | 'too-many' // 429: more than we can take just now; the same again later is welcome
  | 'unprocessable' // 422: well-formed, but it cannot be done
  | 'upstream' // 502: the other side is at fault
  | 'unavailable' // 503: we cannot work just now
  | 'storage' // 507: disk full, read-only or failing
  | 'internal'; // 500

export interface AppErrorOptions {
  /** Facts of this occurrence, safe to show: paths, sizes, ids. Never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error class of the project. `code` is stable, kebab-case, documented and never reused with another meaning;
 * `message` is an English sentence for a person.
 */
export class AppError extends Error {
  readonly details: Record<string, unknown>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    options: AppErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.details = options.details ?? {};
  }
}

/** Turns anything thrown into an AppError; system errors of the disk get their own codes. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Not `instanceof`: errors of Node's own modules may come from another realm (under Jest they always do).
  const cause = types.isNativeError(thrown) ? thrown : new Error(String(thrown));
  const { code: errno, path } = cause as NodeJS.ErrnoException;
  if (errno === 'ENOSPC' || errno === 'EDQUOT')
    return new AppError('storage', 'disk-full', 'The disk is full: nothing more can be stored.', { cause });
  if (errno === 'EROFS') return new AppError('storage', 'disk-read-only', 'The disk is read-only.', { cause });
  if (errno === 'EACCES' || errno === 'EPERM')
    return new AppError(
      'storage',
      'disk-permission',
      path === undefined
        ? 'The disk refuses access.'
        : `The rights on ${path} do not allow this account what it needs.`,
      { cause, ...(path === undefined ? {} : { details: { path } }) },
    );
  if (errno === 'EIO')
    return new AppError('storage', 'disk-failure', 'The disk reported a read or write failure.', { cause });
  return new AppError('internal', 'internal', 'An unexpected fault occurred; the log has the details.', { cause });
}
