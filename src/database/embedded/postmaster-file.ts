import { readFile, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { identifyProcess, type ProcessIdentity, readOfProcess } from './process-identity.js';

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
 * is told apart by its program and by its working directory, which is the cluster. Throws when it cannot be told.
 */
export async function findPostmaster(clusterDir: string): Promise<RunningPostmaster | undefined> {
  const lines = await readPostmasterFile(clusterDir);
  if (lines === undefined) return undefined;
  const identity = await identifyProcess(Number(lines[0]));
  if (identity === undefined) return undefined;
  const commandLine = ((await readOfProcess(`/proc/${identity.pid}/cmdline`, 'utf8')) ?? '').split('\0').slice(0, -1);
  // A postmaster keeps its arguments; its children rewrite theirs to `postgres: …`.
  if (basename(commandLine[0] ?? '') !== 'postgres' || commandLine.length === 1) return undefined;
  if (!(await isSameDirectory(`/proc/${identity.pid}/cwd`, clusterDir))) return undefined;
  return { process: identity, socketDir: lines[4] ?? '', commandLine };
}

/** Its lines; undefined when there is none. */
export async function readPostmasterFile(clusterDir: string): Promise<string[] | undefined> {
  try {
    return (await readFile(join(clusterDir, POSTMASTER_FILE), 'utf8')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
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
