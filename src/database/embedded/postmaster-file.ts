import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { HiddenProcess, identifyProcess, type ProcessIdentity, readOfProcess } from './process-identity.js';

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
 * is told apart by its account, its program and its working directory, which is the cluster. Throws when it cannot be told.
 */
export async function findPostmaster(clusterDir: string): Promise<RunningPostmaster | undefined> {
  const lines = await readPostmasterFile(clusterDir);
  if (lines === undefined) return undefined;
  const identity = await identifyProcess(Number(lines[0])).catch(noneOfAnother);
  if (identity === undefined) return undefined;
  const commandLine = ((await readOfProcess(identity.pid, 'cmdline', 'utf8')) ?? '').split('\0').slice(0, -1);
  // A postmaster keeps its arguments; its children rewrite theirs to `postgres: …`.
  if (basename(commandLine[0] ?? '') !== 'postgres' || commandLine.length === 1) return undefined;
  // Where it has rights that we lack, as a server for ports below 1024 has, its directory is hidden, and its own word is left.
  const said = commandLine[commandLine.indexOf('-D') + 1] ?? '';
  const same =
    (await isSameDirectory(`/proc/${identity.pid}/cwd`, clusterDir)) ?? (await isSameDirectory(said, clusterDir));
  return same ? { process: identity, socketDir: socketDirOf(lines), commandLine } : undefined;
}

/** The postmaster of our cluster is never another account's, unless we may look at everybody's. */
function noneOfAnother(error: unknown): undefined {
  if (!(error instanceof HiddenProcess && error.foreign)) throw error;
}

export function socketDirOf(lines: readonly string[]): string {
  return lines[4] ?? '';
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

/** Undefined when one of them cannot be looked at. */
async function isSameDirectory(one: string, other: string): Promise<boolean | undefined> {
  try {
    const [left, right] = await Promise.all([stat(one), stat(other)]);
    return left.dev === right.dev && left.ino === right.ino;
  } catch {
    return undefined;
  }
}
