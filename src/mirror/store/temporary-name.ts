import { hostname } from 'node:os';
import { fateOf, thisProcess, type ProcessMark } from '../../platform/process/process-mark.js';

const host = hostname().replaceAll(/[^a-zA-Z0-9-]/g, '_');
let counter = 0;

/** A name for a temporary file that says who owns it: `<host>.<pid>.<token>.<n>.<place>`. The host is for people. */
export function temporaryName(): string {
  counter += 1;
  const { pid, token, place } = thisProcess;
  return [host, pid, token, counter, ...(place ? [place] : [])].join('.');
}

/** Temporaries of unknown or foreign owners are given this long before they count as forgotten. */
const FOREIGN_GRACE_MS = 24 * 3600 * 1000;

/** True when the owner of the temporary is gone, so that nobody will ever finish it. */
export function isStaleTemporary(name: string, ageMs: number): boolean {
  if (ageMs > FOREIGN_GRACE_MS) return true;
  // Names of earlier versions have no place.
  const [, pid, token = '', , place] = name.split('.');
  return fateOf({ pid: Number(pid), place, token }) === 'gone';
}

/**
 * Whether another owner may still be writing. Where its pid says nothing, only the age of its last write can tell.
 * @param idleMs time since the file was last written
 */
export function mayBeWriting(owner: ProcessMark, idleMs: number): boolean {
  const fate = fateOf(owner);
  return fate === 'unknown' ? idleMs < 60_000 : fate === 'running';
}
