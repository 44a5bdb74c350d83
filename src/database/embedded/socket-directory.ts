import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AppError } from '../../platform/errors/app-error.js';
import { canReach, type RunAs } from './run-as.js';

/** The kernel's limit for the path of a unix socket, without the final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;
const SOCKET_NAME = '.s.PGSQL.5432';

/**
 * Makes the directory of the server's socket, which only its account may enter: that is the authentication. It lies in
 * the data directory; in the temporary directory, by a hash, when that path is too long or out of the account's reach.
 * Throws AppError `embedded-database-socket-directory` when somebody else has taken the name.
 */
export async function prepareSocketDirectory(dataDir: string, runAs: RunAs): Promise<string> {
  const directory = await chooseSocketDirectory(dataDir, runAs);
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(directory);
  const ourUid = process.geteuid?.() ?? 0;
  if (!found.isDirectory() || (found.uid !== ourUid && found.uid !== runAs.uid))
    throw new AppError(
      'conflict',
      'embedded-database-socket-directory',
      `${directory} is needed for the database's socket, but belongs to user ${found.uid}. Remove it.`,
      { details: { directory, ownerUid: found.uid } },
    );
  await chmod(directory, 0o700);
  if (runAs.stepsDown) await chown(directory, runAs.uid, runAs.gid);
  return directory;
}

async function chooseSocketDirectory(dataDir: string, runAs: RunAs): Promise<string> {
  const inside = join(dataDir, 'socket');
  const fits = Buffer.byteLength(join(inside, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES;
  if (fits && (!runAs.stepsDown || (await canReach(dataDir, runAs)))) return inside;
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(tmpdir(), `haishin-${hash}`);
}
