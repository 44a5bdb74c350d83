import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { readAuthorities } from '../../platform/tls/authorities.js';

/**
 * Certificates to trust besides the system's, as PEM.
 * @throws AppError `ca-file-unreadable` (details: `path`).
 */
export function readCaFile(path: string): string {
  try {
    return readAuthorities(path);
  } catch (cause) {
    const unread = toAppError(cause).code === 'tls-file-unreadable';
    throw new AppError('bad-input', unread ? 'ca-file-unreadable' : 'ca-file-unreadable.no-certificate', {
      details: { path },
      cause,
    });
  }
}

/** What `readCaFile` would throw; null: nothing. */
export function caFileFault(path: string): AppError | null {
  try {
    readCaFile(path);
    return null;
  } catch (fault) {
    return toAppError(fault);
  }
}
