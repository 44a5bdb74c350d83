import { join } from 'node:path';
import { isSocketPath, makeSocketDirectory, temporarySocketDirectory } from '../platform/files/socket-directory.js';

/**
 * Path of the socket by which content workers reach the API: in the data directory, unless that path is too long.
 * @throws AppError `socket-directory-taken`.
 */
export async function prepareApiSocket(dataDir: string): Promise<string> {
  const name = `api-${process.pid}.sock`;
  const inside = join(dataDir, 'run', name);
  if (isSocketPath(inside)) return inside;
  const directory = temporarySocketDirectory(join(dataDir, 'run'));
  await makeSocketDirectory(directory);
  return join(directory, name);
}
