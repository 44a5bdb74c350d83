import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '../../platform/errors/app-error.js';

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

export function isCaFileReadable(path: string): boolean {
  try {
    readCaFile(path);
    return true;
  } catch {
    return false;
  }
}

function unreadable(path: string, why: string, cause: unknown): AppError {
  return new AppError('bad-input', 'ca-file-unreadable', `The file with additional CA certificates ${why}: ${path}`, {
    details: { path },
    cause,
  });
}
