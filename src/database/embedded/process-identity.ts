import { readFile } from 'node:fs/promises';

/**
 * One process of this machine beyond the reuse of its number: the kernel's start time (clock ticks since boot) never
 * repeats for the same pid within one boot.
 */
export interface ProcessIdentity {
  pid: number;
  startTicks: string;
}

/** It runs, but /proc does not show it to us: that is mounted with `hidepid`, and the process has other rights than we have. */
export class HiddenProcess extends Error {
  readonly code = 'EACCES';

  constructor(
    readonly path: string,
    /** It is another account's. */
    readonly foreign: boolean,
  ) {
    super(`${path} cannot be looked at, although there is such a process`);
  }
}

const LOOK_MILLISECONDS = 2_000;

/**
 * Reads /proc; undefined when there is no such process or it is only a zombie waiting to be reaped. Any other fault is thrown,
 * for it says nothing of the process: whoever has no descriptor left cannot look, and "gone" would cost a live database.
 * @throws HiddenProcess
 */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readOfProcess(pid, 'stat', 'latin1');
  if (stat === undefined) return undefined;
  // The name in brackets may itself hold spaces and brackets; what follows the last one is plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks };
}

/** A file of its directory below /proc; undefined only when the process is gone. @throws HiddenProcess */
export async function readOfProcess(pid: number, file: string, encoding: BufferEncoding): Promise<string | undefined> {
  const path = `/proc/${pid}/${file}`;
  try {
    return await readFile(path, encoding);
  } catch (error) {
    // ESRCH: it went between opening and reading.
    if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const whose = ownerOf(pid);
    if (whose === undefined) return undefined;
    throw new HiddenProcess(path, whose === 'another');
  }
}

/** Signals are answered for also where /proc shows nothing. */
function ownerOf(pid: number): 'us' | 'another' | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
    return 'us';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'another' : undefined;
  }
}

export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.startTicks === identity.startTicks;
}

/**
 * Sends the signal only when the pid still is that process; false when it is gone. Throws when that cannot be told for a while.
 */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isRunningInTime(identity))) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Looks again while it cannot be told: at a stop descriptors come free. */
async function isRunningInTime(identity: ProcessIdentity): Promise<boolean> {
  const deadline = performance.now() + LOOK_MILLISECONDS;
  for (;;) {
    try {
      return await isRunning(identity);
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Polls until the process is gone; false when it still runs, or cannot be looked at, after the time given. */
export async function waitForExit(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (!(await isRunning(identity).catch(() => true))) return true;
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
