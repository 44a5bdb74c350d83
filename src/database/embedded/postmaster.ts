import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { AppError } from '../../platform/errors/app-error.js';
import { reason } from '../../platform/texts/texts.js';
import { databaseErrorCode } from '../database.errors.js';
import type { PostgresBinaries } from './binaries.js';
import { EMBEDDED_DATABASE, EMBEDDED_USER, POSTGRES_ENVIRONMENT } from './cluster.js';
import { POSTMASTER_FILE, readPostmasterFile } from './postmaster-file.js';
import { identifyProcess, type ProcessIdentity, signalProcess, waitForExit } from './process-identity.js';
import type { RunAs } from './run-as.js';

export interface PostmasterPlan {
  binaries: PostgresBinaries;
  runAs: RunAs;
  clusterDir: string;
  socketDir: string;
  logFile: string;
  args: string[];
}

const READY_MILLISECONDS = 60_000;

/** Starts postgres, in a process group of its own so that Ctrl-C reaches us first, and waits until it answers. */
export async function startPostmaster(plan: PostmasterPlan, onProcess?: () => void): Promise<ProcessIdentity> {
  // Output goes to a file and not through us: it must outlive us, and a closed pipe would be lost messages.
  const log = openSync(plan.logFile, 'a', 0o640);
  const logStart = fstatSync(log).size;
  const child = spawn(plan.binaries.postgres, plan.args, {
    cwd: plan.clusterDir,
    env: POSTGRES_ENVIRONMENT,
    stdio: ['ignore', log, log],
    detached: true,
    ...(plan.runAs.stepsDown ? { uid: plan.runAs.uid, gid: plan.runAs.gid } : {}),
  });
  closeSync(log);
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code), String);
  child.unref();
  onProcess?.();
  const identity = child.pid === undefined ? undefined : await identifyChild(child, ended);
  const outcome = await firstOf(plan.socketDir, ended);
  if (outcome === 'ready' && identity !== undefined) return identity;
  if (identity !== undefined) await stopPostmaster(identity);
  throw startFailure(plan, outcome, await tailOf(plan.logFile, logStart));
}

/** A child that cannot be identified cannot be watched either, and is not left behind. */
async function identifyChild(child: ChildProcess, ended: Promise<unknown>): Promise<ProcessIdentity | undefined> {
  try {
    return await identifyProcess(child.pid ?? 0);
  } catch (error) {
    child.kill('SIGQUIT');
    await ended;
    throw error;
  }
}

async function firstOf(socketDir: string, ended: Promise<string>): Promise<string> {
  const noLonger = new AbortController();
  try {
    return await Promise.race([waitUntilReady(socketDir, READY_MILLISECONDS, noLonger.signal), ended]);
  } finally {
    noLonger.abort();
  }
}

function startFailure(plan: PostmasterPlan, outcome: string, output: string): AppError {
  const full = /No space left on device/.test(output);
  const why =
    outcome === 'timeout'
      ? reason('postmaster.silent', { seconds: READY_MILLISECONDS / 1_000 })
      : reason('postmaster.ended', { outcome });
  return new AppError(
    full ? 'storage' : 'unavailable',
    full ? 'disk-full.postmaster' : 'embedded-database-start-failed',
    {
      values: { why, lastLine: reasonIn(output) },
      details: { logFile: plan.logFile, output },
    },
  );
}

/** The last line that says why; hints and a last "is shut down" may stand behind it. */
function reasonIn(output: string): string {
  const lines = output.trim().split('\n');
  return lines.findLast((line) => /\b(?:FATAL|PANIC):/.test(line)) ?? lines.at(-1) ?? '';
}

async function tailOf(logFile: string, from: number): Promise<string> {
  const text = await readFile(logFile).catch(() => Buffer.alloc(0));
  return text.subarray(Math.min(from, text.length)).subarray(-4_000).toString('utf8');
}

/** Asks until the server answers with our database. */
export async function waitUntilReady(
  socketDir: string,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<'ready' | 'timeout'> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline && signal?.aborted !== true) {
    try {
      await ping(socketDir);
      return 'ready';
    } catch {
      await sleep(15);
    }
  }
  return 'timeout';
}

async function ping(socketDir: string): Promise<void> {
  try {
    await withClient(socketDir, EMBEDDED_DATABASE, 'SELECT 1');
  } catch (error) {
    // Just created: initdb makes a database `postgres`, and giving it our name is faster than making another.
    if (databaseErrorCode(error) !== '3D000') throw error;
    await withClient(socketDir, 'template1', `ALTER DATABASE postgres RENAME TO ${EMBEDDED_DATABASE}`);
  }
}

async function withClient(socketDir: string, database: string, sql: string): Promise<void> {
  const client = new pg.Client({
    host: socketDir,
    port: 5432,
    user: EMBEDDED_USER,
    database,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Fast shutdown: sessions are ended, everything is written. If that takes more than 3.5 s, immediate shutdown: the next
 * start recovers from the log, and nothing committed is lost. Throws when it cannot be told whether it has ended.
 */
export async function stopPostmaster(postmaster: ProcessIdentity): Promise<void> {
  for (const [signal, milliseconds] of [
    ['SIGINT', 3_500],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!(await signalProcess(postmaster, signal))) return;
    if (await waitForExit(postmaster, milliseconds)) return;
  }
}

/** Ends it without a last checkpoint, which would be written into what another one has by now. */
export async function cutOffPostmaster(postmaster: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    if (!(await signalProcess(postmaster, signal))) return;
    if (await waitForExit(postmaster, 1_000)) return;
  }
}

/**
 * Removes lock files of a postmaster that is gone but whose number is taken, by another process or by a zombie that nobody
 * reaps: either would keep postgres from starting for ever. A pid file with a free number stays, for postgres reads there
 * whether sessions of a killed postmaster still hold its shared memory. Only to be called when no live postmaster was found.
 */
export async function removeMisleadingLocks({ clusterDir, socketDir }: PostmasterPlan): Promise<void> {
  const pid = Number((await readPostmasterFile(clusterDir))?.[0]);
  if (Number.isInteger(pid) && pid > 0 && existsSync(`/proc/${pid}`))
    await rm(join(clusterDir, POSTMASTER_FILE), { force: true });
  for (const name of ['.s.PGSQL.5432', '.s.PGSQL.5432.lock']) await rm(join(socketDir, name), { force: true });
}
