import { readFile, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { identifyProcess, type ProcessIdentity } from './process-identity.js';

/** A postmaster that runs on a cluster, as its `postmaster.pid` and the kernel tell. */
export interface RunningPostmaster {
  process: ProcessIdentity;
  socketDir: string;
  commandLine: string[];
}

/** Where postgres writes its own pid, its start and its socket. */
export const POSTMASTER_FILE = 'postmaster.pid';

/**
 * The live postmaster of a cluster; undefined when there is none. A process that only bears the number of a dead one
 * is told apart by its program and by its working directory, which is the cluster.
 */
export async function findPostmaster(clusterDir: string): Promise<RunningPostmaster | undefined> {
  const text = await readFile(join(clusterDir, POSTMASTER_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const identity = await identifyProcess(Number(lines[0]));
  if (identity === undefined) return undefined;
  const commandLine = (await readFile(`/proc/${identity.pid}/cmdline`, 'utf8').catch(() => ''))
    .split('\0')
    .slice(0, -1);
  // A postmaster keeps its arguments; its children rewrite theirs to `postgres: …`.
  if (basename(commandLine[0] ?? '') !== 'postgres' || commandLine.length === 1) return undefined;
  if (!(await isSameDirectory(`/proc/${identity.pid}/cwd`, clusterDir))) return undefined;
  return { process: identity, socketDir: lines[4] ?? '', commandLine };
}

async function isSameDirectory(link: string, directory: string): Promise<boolean> {
  try {
    const [left, right] = await Promise.all([stat(link), stat(directory)]);
    return left.dev === right.dev && left.ino === right.ino;
  } catch {
    // Not ours to look at: compare names as far as they can be read.
    return (await readlink(link).catch(() => undefined)) === directory;
  }
}
