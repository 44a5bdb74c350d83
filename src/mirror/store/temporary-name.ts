import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Tells this process from an earlier one that had the same pid (in a container every server is pid 1). */
const processToken = randomBytes(4).toString('hex');
const host = hostname().replaceAll(/[^a-zA-Z0-9-]/g, '_');
let counter = 0;

/** A name for a temporary file that says who owns it: `<host>.<pid>.<process token>.<n>`. */
export function temporaryName(): string {
  counter += 1;
  return `${host}.${process.pid}.${processToken}.${counter}`;
}

/** Temporaries of unknown or foreign owners are given this long before they count as forgotten. */
const FOREIGN_GRACE_MS = 24 * 3600 * 1000;

/** True when the owner of the temporary is gone, so that nobody will ever finish it. */
export function isStaleTemporary(name: string, ageMs: number): boolean {
  if (ageMs > FOREIGN_GRACE_MS) return true;
  const [owner, pid, token] = name.split('.');
  if (owner !== host || pid === undefined) return false;
  if (Number(pid) === process.pid) return token !== processToken;
  return !isProcessAlive(Number(pid));
}

export interface ProcessOwner {
  host: string;
  pid: number;
  token: string;
}

export const thisProcess: ProcessOwner = { host, pid: process.pid, token: processToken };

/**
 * Whether another owner may still be writing. On another machine only the age of its last write can tell.
 * @param idleMs time since the file was last written
 */
export function mayBeWriting(owner: ProcessOwner, idleMs: number): boolean {
  if (owner.host !== host) return idleMs < 60_000;
  if (owner.pid === process.pid) return owner.token === processToken;
  return isProcessAlive(owner.pid);
}

function isProcessAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
