import { AppError } from '../platform/errors/app-error.js';
import type { Sentence } from '../platform/texts/texts.js';

const CONNECTION_ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * TypeORM's own words for a connection that broke in the middle of a transaction (it gives its runner back at once), or
 * for a data source that could not connect yet.
 */
const TYPEORM_NAMES = new Set([
  'QueryRunnerAlreadyReleasedError',
  'QueryRunnerProviderAlreadyReleasedError',
  'ConnectionIsNotSetError',
  'CannotExecuteNotConnectedError',
]);

/** SQLSTATE of a failed statement, or the errno of a failed connection; undefined for anything else. */
export function databaseErrorCode(thrown: unknown): string | undefined {
  // TypeORM wraps the driver's error and copies its fields; an aggregate of tried addresses carries the code as well.
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** True when the server could not be reached or went away, so that the same statement may succeed later. */
export function isConnectionFailure(thrown: unknown): boolean {
  const code = databaseErrorCode(thrown);
  if (code !== undefined) {
    // No such socket; a file that is missing has another system call.
    if (code === 'ENOENT') return (thrown as NodeJS.ErrnoException).syscall === 'connect';
    // A protocol violation is ours (too many parameters, say) unless it ends the connection, as a pooler in between may tell it.
    if (code === '08P01') return (thrown as { severity?: unknown }).severity === 'FATAL';
    // 08 connection exception, 57P0x shutdown and start-up, 53300 too many connections.
    return CONNECTION_ERRNO.has(code) || code.startsWith('08') || code.startsWith('57P0') || code === '53300';
  }
  if (!(thrown instanceof Error)) return false;
  const { name, message } = thrown;
  return (
    TYPEORM_NAMES.has(name) ||
    TYPEORM_NAMES.has(thrown.constructor.name) ||
    /^Connection terminated|timeout exceeded when trying to connect|timeout expired|not queryable|^Query read timeout/.test(
      message,
    )
  );
}

/** True when the fault is one of the whole database, and the next statement is likely to meet it as well. */
export function isDatabaseWide(thrown: unknown): boolean {
  return isConnectionFailure(thrown) || ['25006', '42501', '53100'].includes(databaseErrorCode(thrown) ?? '');
}

/** lock_timeout, statement_timeout, a deadlock, another transaction that went first. */
const BUSY = new Set(['55P03', '57014', '40P01', '40001']);
const BUSY_RETRY_SECONDS = 10;

/** True when the statement was given up because others were in its way or it took too long: later it may succeed. */
export function isDatabaseBusy(thrown: unknown): boolean {
  return BUSY.has(databaseErrorCode(thrown) ?? '');
}

/** True for a unique violation (23505), of the named constraint when one is given. */
export function isUniqueViolation(thrown: unknown, constraint?: string): boolean {
  if (databaseErrorCode(thrown) !== '23505') return false;
  return constraint === undefined || (thrown as { constraint?: unknown }).constraint === constraint;
}

/**
 * Gives a database fault its stable code: `database-unavailable` and `database-busy` (may pass), `database-refused` (wrong user, password or
 * database: a person must act), `database-read-only`, `database-permission-denied`, `disk-full`, `value-malformed`. Anything else is returned as it came.
 */
export function toDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof AppError) return thrown;
  const code = databaseErrorCode(thrown);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (isConnectionFailure(thrown))
    return new AppError('unavailable', 'database-unavailable', { values: { reason: text || code }, cause: thrown });
  if (isDatabaseBusy(thrown))
    return new AppError('unavailable', 'database-busy', {
      details: { retryAfterSeconds: BUSY_RETRY_SECONDS },
      cause: thrown,
    });
  if (code === '53100')
    return new AppError('storage', 'disk-full.database', {
      cause: thrown,
    });
  if (code === '25006') return databaseReadOnly(thrown);
  if (code === '42501') return databasePermissionDenied(text, thrown);
  if (code === '3D000' || code?.startsWith('28'))
    return new AppError('unavailable', 'database-refused', { values: { reason: text }, cause: thrown });
  // 22: a value of the wrong form, such as a NUL in a text. Ours are well-formed; what comes from outside need not be.
  if (code !== undefined && /^22(003|007|008|009|021|P02|P05)$/.test(code))
    return new AppError('bad-input', 'value-malformed', {
      cause: thrown,
    });
  return thrown;
}

export function databaseReadOnly(cause?: unknown): AppError {
  return new AppError('unavailable', 'database-read-only', { cause });
}

export function databasePermissionDenied(what: string | Sentence, cause?: unknown): AppError {
  return new AppError('unavailable', 'database-permission-denied', { values: { what }, cause });
}
