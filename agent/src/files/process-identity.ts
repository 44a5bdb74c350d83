import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemCode } from '../errors/agent-error.js';

export interface ProcessFacts {
  readonly running: boolean;
  /** Clock ticks since boot at which it started; null where /proc does not show it. */
  readonly startTime: string | null;
}

/** What can be known about a process, also where /proc hides other users' processes. */
export function processFacts(pid: number): ProcessFacts {
  const stat = readTrimmed(`/proc/${pid}/stat`);
  if (stat === null) return { running: canBeSignalled(pid), startTime: null };
  // The command in field 2 may hold blanks and brackets: count from its last bracket; start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { running: fields[0] !== 'Z', startTime: fields[19] ?? null };
}

/** Changes with every boot, so that a pid of an earlier boot is never mistaken for a live one. */
export function bootId(): string {
  return readTrimmed('/proc/sys/kernel/random/boot_id') ?? 'unknown';
}

/** Stable identity of this machine: machine-id where there is one, else the host name. */
export function machineId(): string {
  return readTrimmed('/etc/machine-id') ?? hostname();
}

function readTrimmed(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

function canBeSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
