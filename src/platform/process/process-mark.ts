import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { knownPidNamespace } from './pid-namespace.js';
import { isProcessAlive } from './process-alive.js';

/** How a process signs what others may find after its end, in a shared store or database. */
export interface ProcessMark {
  pid: number;
  /** Where the pid means anything: hash of host name, boot and pid namespace. Missing in what earlier versions wrote. */
  place?: string | null;
  /** Tells it from an earlier process that had the same pid (in a container every server is pid 1). */
  token: string;
}

/** What can be told of a process by its pid; `unknown` where the pid says nothing and only its signs of life count. */
export type ProcessFate = 'running' | 'gone' | 'unknown';

export const thisProcess: ProcessMark = {
  pid: process.pid,
  place: placeOf(hostname(), knownPidNamespace()),
  token: randomBytes(4).toString('hex'),
};

/** Containers may share a host name, and a store, without seeing each other's processes. */
export function fateOf({ pid, place, token }: ProcessMark): ProcessFate {
  if (!place || place !== thisProcess.place) return 'unknown';
  if (pid === thisProcess.pid) return token === thisProcess.token ? 'running' : 'gone';
  return isProcessAlive(pid) ? 'running' : 'gone';
}

function placeOf(host: string, namespace: string | null): string | null {
  if (namespace === null) return null;
  return createHash('sha256').update(`${host} ${namespace}`).digest('hex').slice(0, 12);
}
