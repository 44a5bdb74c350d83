import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../../platform/errors/app-error.js';
import { pidNamespace } from '../../platform/process/pid-namespace.js';
import type { DatabaseLogger } from '../database.logger.js';
import { HiddenProcess, identifyProcess, isRunning } from './process-identity.js';

/** Content of a lock file. */
export interface LockOwner {
  pid: number;
  startTicks: string;
  /** Where the pid means anything: boot and pid namespace. */
  namespace: string;
  host: string;
  since: string;
  /** Of a command that needs it for moments: worth waiting for. */
  brief?: boolean;
}

export interface OwnerLock {
  release(): Promise<void>;
}

const HEARTBEAT_MILLISECONDS = 2_000;
/** How long an owner whose pid we cannot see (another container, another machine) may be silent. */
const SILENCE_MILLISECONDS = 7_000;
/** How long a command may take that only asks the database something. */
const BRIEF_MILLISECONDS = 15_000;

/**
 * Makes this process the one owner of `path`. A lock whose owner is gone (its pid ended, or now is another process) is
 * explained in the log and cleared; one that is only held for moments is waited for.
 * @param more `brief`: this one is · `onLost`: somebody else has the lock now, because this process gave no sign of life for a while
 * Throws AppError `data-directory-in-use` with the owner's pid.
 */
export async function acquireOwnerLock(
  path: string,
  logger: DatabaseLogger,
  more: { brief?: boolean; onLost?: () => void } = {},
): Promise<OwnerLock> {
  await outlastBrief(path);
  const mutex = await enterMutex(path);
  let own: string;
  try {
    const holder = await readOwner(path);
    if (holder === 'unreadable') logger.warn({ path }, 'a lock file without an owner, left by a crash, was cleared');
    else if (holder !== undefined) {
      if (await isHeld(path, holder)) throw inUse(path, holder);
      logger.warn(
        { path, owner: holder },
        'a lock whose owner is gone was cleared: the server was killed or the machine restarted',
      );
    }
    own = await writeOwner(path, more.brief === true);
  } finally {
    mutex.close();
  }
  const beat = async (): Promise<void> => {
    if ((await readFile(path, 'utf8').catch(goneOrThrow)) !== own) {
      clearInterval(heartbeat);
      more.onLost?.();
      return;
    }
    const now = new Date();
    await utimes(path, now, now);
  };
  const heartbeat = setInterval(() => {
    // A lost beat is no fault by itself: a full or read-only disk shows where data is written.
    beat().catch((error: unknown) => logger.debug({ err: error }, 'the lock could not be refreshed'));
  }, HEARTBEAT_MILLISECONDS).unref();
  return {
    async release() {
      clearInterval(heartbeat);
      if ((await readFile(path, 'utf8').catch(goneOrThrow)) === own) await rm(path, { force: true });
    },
  };
}

function goneOrThrow(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Waits while a command has the lock. */
async function outlastBrief(path: string): Promise<void> {
  const deadline = performance.now() + BRIEF_MILLISECONDS;
  while (performance.now() < deadline) {
    const holder = await readOwner(path);
    if (typeof holder !== 'object' || holder.brief !== true || !(await isHeld(path, holder))) return;
    await sleep(50);
  }
}

/** Whoever holds `path` at present, if that process is alive. */
export async function findLockOwner(path: string): Promise<LockOwner | undefined> {
  const holder = await readOwner(path);
  return typeof holder === 'object' && (await isHeld(path, holder)) ? holder : undefined;
}

function inUse(path: string, holder: Pick<LockOwner, 'pid' | 'host' | 'since'>): AppError {
  return new AppError('conflict', 'data-directory-in-use', {
    values: { directory: dirname(path) },
    details: { path, pid: holder.pid, host: holder.host, since: holder.since },
  });
}

async function readOwner(path: string): Promise<LockOwner | 'unreadable' | undefined> {
  try {
    const owner = JSON.parse(await readFile(path, 'utf8')) as Partial<LockOwner>;
    const { pid, startTicks, namespace, host, since, brief } = owner;
    if (pid === undefined || startTicks === undefined || namespace === undefined) return 'unreadable';
    return { pid, startTicks, namespace, host: host ?? 'unknown', since: since ?? 'unknown', brief: brief === true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // Written by rename, so half a file is no writer at work but a disk that lost it.
    if (error instanceof SyntaxError) return 'unreadable';
    throw error;
  }
}

async function isHeld(path: string, holder: LockOwner): Promise<boolean> {
  if (holder.namespace === pidNamespace()) {
    try {
      return await isRunning({ pid: holder.pid, startTicks: holder.startTicks });
    } catch (error) {
      if (!(error instanceof HiddenProcess)) throw error;
      return showsLife(path);
    }
  }
  // After a restart of the machine on this host no process of that boot is left.
  const [boot] = pidNamespace().split(' ');
  if (holder.host === hostname() && !holder.namespace.startsWith(`${boot} `)) return false;
  return showsLife(path);
}

/** Where the pid says nothing. A living owner touches the file; the times are compared with each other, never with our clock. */
async function showsLife(path: string): Promise<boolean> {
  const first = await modifiedAt(path);
  const deadline = performance.now() + SILENCE_MILLISECONDS;
  while (performance.now() < deadline) {
    await sleep(200);
    const now = await modifiedAt(path);
    if (now === undefined) return false;
    if (now !== first) return true;
  }
  return false;
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

/** Returns what it wrote, which no other owner writes. */
async function writeOwner(path: string, brief: boolean): Promise<string> {
  const self = await identifyProcess(process.pid);
  const owner: LockOwner = {
    pid: process.pid,
    startTicks: self?.startTicks ?? 'unknown',
    namespace: pidNamespace(),
    host: hostname(),
    since: new Date().toISOString(),
    ...(brief ? { brief } : {}),
  };
  // By chance, not by process: those in containers that share a directory may have one number.
  const partial = `${path}.${randomUUID()}`;
  const text = `${JSON.stringify(owner)}\n`;
  await writeFile(partial, text, { mode: 0o644, flush: true });
  await rename(partial, path);
  return text;
}

/**
 * Lets one process at a time look at the lock and write it: the name of an abstract socket is given by the kernel to one
 * process, and taken back when that process ends in whatever way.
 */
async function enterMutex(path: string): Promise<Server> {
  const directory = await stat(dirname(path));
  const name = createHash('sha256').update(`${directory.dev}:${directory.ino}`).digest('hex').slice(0, 32);
  const deadline = performance.now() + SILENCE_MILLISECONDS + 5_000;
  for (;;) {
    const server = createServer();
    server.listen(`\0haishin-lock-${name}`);
    try {
      await once(server, 'listening');
      return server.unref();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (performance.now() > deadline)
        throw inUse(path, { pid: 0, host: hostname(), since: 'just now, while it was starting' });
      await sleep(20);
    }
  }
}
