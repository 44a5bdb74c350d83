import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError, toAppError } from '../../platform/errors/app-error.js';

/**
 * Certificates to trust besides the system's, as PEM.
 * @throws AppError `ca-file-unreadable` (details: `path`).
 */
export function readCaFile(path: string): string {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, 'cannot be read', cause);
  }
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw unreadable(path, 'holds no PEM certificate', cause);
  }
  return pem;
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

function unreadable(path: string, why: string, cause: unknown): AppError {
  return new AppError('bad-input', 'ca-file-unreadable', `The file with additional CA certificates ${why}: ${path}`, {
    details: { path },
    cause,
  });
}
