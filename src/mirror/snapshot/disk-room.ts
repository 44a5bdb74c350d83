import { AppError } from '../../platform/errors/app-error.js';

/** So many bytes of a file of unknown size may arrive between two looks at the disk. */
const LOOK_EVERY_BYTES = 1024 * 1024;

/** What is left of the disk for files whose size nobody announced, while files with announced sizes are still to come. */
export class DiskRoom {
  #promised: number;

  /**
   * @param freeBytes what may still be written, asked again and again
   * @param promised bytes of the files with announced sizes
   */
  constructor(
    private readonly freeBytes: () => number,
    promised: number,
  ) {
    this.#promised = promised;
  }

  /** A file with an announced size has come, or will not come any more. */
  settled(size: number): void {
    this.#promised -= size;
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
      throw new AppError(
        'upstream',
        'disk-full',
        `There is no room for ${path}: the source does not announce its size, and the disk has nothing left that other files do not need. Make room, or leave its component out.`,
        { details: { path } },
      );
    };
  }
}
