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
    const why = toAppError(cause).code === 'tls-file-unreadable' ? 'cannot be read' : 'holds no PEM certificate';
    throw new AppError('bad-input', 'ca-file-unreadable', `The file with additional CA certificates ${why}: ${path}`, {
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
