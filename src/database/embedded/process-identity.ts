import { readFile } from 'node:fs/promises';

/**
 * One process of this machine beyond the reuse of its number: the kernel's start time (clock ticks since boot) never
 * repeats for the same pid within one boot.
 */
export interface ProcessIdentity {
  pid: number;
  startTicks: string;
}

const LOOK_MILLISECONDS = 2_000;

/**
 * Reads /proc; undefined when there is no such process or it is only a zombie waiting to be reaped. Any other fault is thrown,
 * for it says nothing of the process: whoever has no descriptor left cannot look, and "gone" would cost a live database.
 */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readOfProcess(`/proc/${pid}/stat`, 'latin1');
  if (stat === undefined) return undefined;
  // The name in brackets may itself hold spaces and brackets; what follows the last one is plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks };
}

/** A file below /proc; undefined only when the process is gone. */
export async function readOfProcess(path: string, encoding: BufferEncoding): Promise<string | undefined> {
  try {
    return await readFile(path, encoding);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it went between opening and reading.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
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
