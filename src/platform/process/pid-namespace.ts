import { readFileSync, readlinkSync } from 'node:fs';

const UNKNOWN = 'unknown';

/** What distinguishes pids of different containers and boots: the same number means another process there. */
export function pidNamespace(): string {
  return `${bootId() ?? UNKNOWN} ${namespace() ?? UNKNOWN}`;
}

/** Null where the system tells too little to compare pids with anybody's. */
export function knownPidNamespace(): string | null {
  return bootId() === null || namespace() === null ? null : pidNamespace();
}

function bootId(): string | null {
  return told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

function namespace(): string | null {
  return told(() => readlinkSync('/proc/self/ns/pid'));
}

function told(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
