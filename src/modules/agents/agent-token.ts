import { hash, randomBytes } from 'node:crypto';

/** 256 random bits, in letters that need no escaping anywhere. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256: tokens are long and random, so nothing slower is needed, and every poll checks one. */
export function tokenHash(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
