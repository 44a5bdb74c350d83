import { statfsSync } from 'node:fs';
import { AppError, type Said, saying } from '../../platform/errors/app-error.js';

/** Left free on the disk whatever happens: the database and the logs need room too. */
const RESERVED_BYTES = 64 * 1024 * 1024;

/** So many bytes of a file of unknown size may arrive between two looks at the disk. */
const LOOK_EVERY_BYTES = 1024 * 1024;

/** What downloads may still write; less than `df` shows. */
export function freeBytesIn(dataDir: string): number {
  const { bavail, bsize } = statfsSync(dataDir);
  return Math.max(0, bavail * bsize - RESERVED_BYTES);
}

/** Why no download can bring anything, as far as the disk tells; null when it has room. */
export function diskWarning(dataDir: string): Said | null {
  try {
    if (freeBytesIn(dataDir) > 0) return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return saying('disk-failure.data-directory', { errno: code ?? message });
  }
  return saying('disk-full.data-directory', { reservedBytes: RESERVED_BYTES });
}

/** @param freeBytes as of `freeBytesIn` */
export function diskFull(neededBytes: number, freeBytes: number): AppError {
  return new AppError('storage', 'disk-full.run', {
    details: { neededBytes, freeBytes, reservedBytes: RESERVED_BYTES },
  });
}

/** What is left of the disk for files whose size nobody announced, while files with announced sizes are still to come. */
export class DiskRoom {
  /** By key: bytes, and how many groups still want the file. */
  readonly #wanted = new Map<string, { size: number; times: number }>();
  #promised = 0;

  /**
   * @param freeBytes what may still be written, asked again and again
   * @param files of each group, each once in it; several groups may want the same one
   */
  constructor(
    private readonly freeBytes: () => number,
    files: Iterable<{ key: string; size: number | null }>,
  ) {
    for (const { key, size } of files) {
      const known = this.#wanted.get(key);
      if (known === undefined) this.#promised += size ?? 0;
      this.#wanted.set(key, { size: known?.size ?? size ?? 0, times: (known?.times ?? 0) + 1 });
    }
  }

  /** Files that are still to come. */
  get files(): number {
    return this.#wanted.size;
  }

  /** Bytes of those with announced sizes. */
  get promised(): number {
    return this.#promised;
  }

  /** A file has come for one of the groups that want it, or will not come any more. */
  settled(key: string): void {
    const wanted = this.#wanted.get(key);
    if (wanted === undefined) return;
    wanted.times -= 1;
    if (wanted.times > 0) return;
    this.#wanted.delete(key);
    this.#promised -= wanted.size;
  }

  /**
   * Watches one file of unknown size. The watch throws `upstream/disk-full` when its next bytes would take the room of others: the fault
   * is this file's, and the rest of the mirror goes on.
   */
  watch(path: string): (bytes: number) => void {
    let sinceLook = LOOK_EVERY_BYTES;
    return (bytes) => {
      sinceLook += bytes;
      if (sinceLook < LOOK_EVERY_BYTES) return;
      sinceLook = 0;
      const left = this.freeBytes() - this.#promised;
      if (left > LOOK_EVERY_BYTES) return;
      throw new AppError('upstream', 'disk-full.file', {
        values: { reservedBytes: RESERVED_BYTES },
        details: { path },
      });
    };
  }
}
