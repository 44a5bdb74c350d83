import { chown } from 'node:fs/promises';
import { join } from 'node:path';

import { isSocketPath, makeSocketDirectory, temporarySocketDirectory } from '../../platform/files/socket-directory.js';
import { canReach, type RunAs } from './run-as.js';

const SOCKET_NAME = '.s.PGSQL.5432';

/**
 * Makes the directory of the server's socket, which only its account may enter: that is the authentication. It lies in
 * the data directory; in the temporary directory when that path is too long or out of the account's reach.
 * Throws AppError `socket-directory-taken` when somebody else has taken the name.
 */
export async function prepareSocketDirectory(dataDir: string, runAs: RunAs): Promise<string> {
  const directory = await chooseSocketDirectory(dataDir, runAs);
  await makeSocketDirectory(directory, runAs.uid);
  if (runAs.stepsDown) await chown(directory, runAs.uid, runAs.gid);
  return directory;
}

async function chooseSocketDirectory(dataDir: string, runAs: RunAs): Promise<string> {
  const inside = join(dataDir, 'socket');
  if (isSocketPath(join(inside, SOCKET_NAME)) && (!runAs.stepsDown || (await canReach(dataDir, runAs)))) return inside;
  return temporarySocketDirectory(dataDir);
}
