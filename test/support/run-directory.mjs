/**
 * One directory for all temporary files of a run, removed with whatever failed tests left. It lies in memory where there is
 * room: most of what tests create are files of databases that live for a second, and a disk is slow at forgetting those.
 * Whoever sets TMPDIR has it there.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'haishin-test-';
const MEMORY = '/dev/shm';
/** Several times what a run with two workers has at once. */
const ROOM_BYTES = 4 * 1024 ** 3;

/** Creates it, and lets this process and those it starts have their temporary files there. */
export function makeRunDirectory() {
  const directory = mkdtempSync(join(parentDirectory(), `${PREFIX}${process.pid}-`));
  // Some tests run programs as another account.
  chmodSync(directory, 0o1777);
  process.env.HAISHIN_TEST_DISK ??= tmpdir();
  process.env.TMPDIR = directory;
  return directory;
}

export function removeRunDirectory(directory) {
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** Those of runs that were killed outright. */
export function leftRunDirectories() {
  const parent = parentDirectory();
  return readdirSync(parent)
    .filter((name) => {
      const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      return pid !== undefined && !isAlive(pid);
    })
    .map((name) => join(parent, name));
}

function parentDirectory() {
  return process.env.TMPDIR || !hasRoom() ? tmpdir() : MEMORY;
}

function hasRoom() {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    // Tests write programs and run them.
    const options = readFileSync('/proc/mounts', 'utf8')
      .match(/^\S+ \/dev\/shm tmpfs (\S+)/m)?.[1]
      .split(',') ?? ['noexec'];
    return bavail * bsize >= ROOM_BYTES && !options.includes('noexec');
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    readFileSync(`/proc/${pid}/stat`);
    return true;
  } catch {
    return false;
  }
}
