import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '../errors/app-error.js';

/**
 * Certificates of authorities, as PEM. OpenSSL takes any text for that and trusts nobody then.
 *
 * @throws AppError `tls-file-unreadable`, `tls-certificate-invalid` (details: `path`).
 */
export function readAuthorities(path: string): string {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('bad-input', 'tls-file-unreadable', { details: { path }, cause });
  }
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new AppError('bad-input', 'tls-certificate-invalid.no-pem', { details: { path }, cause });
  }
  return pem;
}
