import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { AppError } from '../../platform/errors/app-error.js';
import type { PostgresBinaries } from './binaries.js';
import { canReach, type RunAs } from './run-as.js';

/** The superuser and the database of the embedded server. */
export const EMBEDDED_USER = 'haishin';
export const EMBEDDED_DATABASE = 'haishin';

/**
 * How postgres is told about a directory: it is started inside it, and the kernel's own link to the working directory
 * works even below a parent that the account may not enter (/root, a private temporary directory).
 */
export async function pathForAccount(directory: string, runAs: RunAs): Promise<string> {
  return !runAs.stepsDown || (await canReach(directory, runAs)) ? directory : '/proc/self/cwd';
}

/** An environment without PGDATA, PGOPTIONS and the like of the person who starts us. */
export const POSTGRES_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Major version of an existing cluster; undefined when there is none. */
export async function clusterVersion(clusterDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(clusterDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Throws AppError `embedded-database-version` when these binaries cannot read the cluster. */
export function refuseOtherVersion(clusterDir: string, found: string, ours: string): void {
  if (found === ours) return;
  const older = Number(found) < Number(ours);
  throw new AppError('conflict', older ? 'embedded-database-version.older' : 'embedded-database-version.newer', {
    values: {
      socket: join(dirname(clusterDir), 'socket'),
      user: EMBEDDED_USER,
      database: EMBEDDED_DATABASE,
    },
    details: { clusterDir, found, supported: ours },
  });
}

/**
 * Creates a cluster: built beside its place and synced as a whole, then renamed, so that a crash leaves none or a whole
 * one. Throws AppError `embedded-database-nameless-account`; `embedded-database-init-failed` with the output of initdb.
 */
export async function createCluster(
  clusterDir: string,
  binaries: PostgresBinaries,
  runAs: RunAs,
  onProcess?: () => void,
): Promise<void> {
  const partial = `${clusterDir}.new`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  await chmod(partial, 0o700);
  if (runAs.stepsDown) await chown(partial, runAs.uid, runAs.gid);
  const path = await pathForAccount(partial, runAs);
  // The builtin provider sorts by code point on every machine, so no update of libc or ICU can break an index.
  const created = runInitdb(binaries, runAs, partial, [
    ...['-D', path, '-U', EMBEDDED_USER, '--auth=trust', '--encoding=UTF8', '--locale=C'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--data-checksums', '--no-instructions', '--no-sync'],
  ]);
  onProcess?.();
  await created;
  await runInitdb(binaries, runAs, partial, ['-D', path, '--sync-only']);
  await rename(partial, clusterDir);
  const parent = await open(dirname(clusterDir), 'r');
  await parent.sync().finally(() => parent.close());
}

async function runInitdb(binaries: PostgresBinaries, runAs: RunAs, cwd: string, args: string[]): Promise<void> {
  const child = spawn(binaries.initdb, args, {
    cwd,
    env: POSTGRES_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(runAs.stepsDown ? { uid: runAs.uid, gid: runAs.gid } : {}),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4_000)));
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  // initdb and the postgres that it runs look their account up; the server itself does not.
  const nameless = /could not look up effective user ID (\d+)/.exec(output)?.[1];
  if (nameless !== undefined)
    throw new AppError('conflict', 'embedded-database-nameless-account', { details: { uid: Number(nameless) } });
  const full = /No space left on device/.test(output);
  throw new AppError('storage', full ? 'disk-full.initdb' : 'embedded-database-init-failed', {
    values: { directory: cwd, ended: signal ?? code, lastLine: output.trim().split('\n').at(-1) ?? '' },
    details: { output },
  });
}
