import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.js';

/** The kernel's limit for the path of a unix socket, without the final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

/** In the temporary directory, by a hash of what it belongs to: where a path of its own would be too long. */
export function temporarySocketDirectory(owner: string): string {
  const hash = createHash('sha256').update(owner).digest('hex').slice(0, 16);
  return join(tmpdir(), `haishin-${hash}`);
}

/**
 * Makes a directory that only this account may enter, or takes one that belongs to it already: who may enter it is all the
 * authentication that a socket has, and in the temporary directory anybody can take the name first.
 * @param otherOwner uid that may own it beside us.
 * @throws AppError `socket-directory-taken` when it belongs to somebody else, or is none.
 */
export async function makeSocketDirectory(directory: string, otherOwner?: number): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((fault: NodeJS.ErrnoException) => {
    if (fault.code !== 'EEXIST') throw fault;
  });
  const found = await lstat(directory);
  const ourUid = process.geteuid?.() ?? 0;
  if (!found.isDirectory() || (found.uid !== ourUid && found.uid !== otherOwner))
    throw new AppError('conflict', 'socket-directory-taken', { details: { directory, ownerUid: found.uid } });
  await chmod(directory, 0o700);
}
