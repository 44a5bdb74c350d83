/** Large enough that the trips through the thread pool do not count, small enough for dozens of transfers at once. */
export const SLAB_BYTES = 1024 * 1024;

/** Spare slabs beyond this are left to the garbage collector. */
const MAX_SPARE = 32;

/** Buffers of `SLAB_BYTES` for reading and writing files, used again and again: fresh ones cost page faults and garbage collections. */
export class SlabPool {
  readonly #spare: Buffer[] = [];

  /** Its content is whatever was there before. */
  take(): Buffer {
    return this.#spare.pop() ?? newSlab();
  }

  /** Only when nothing reads or writes it any more. */
  giveBack(slab: Buffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(slab);
  }
}

/** Begins at a page of memory, as direct writes want it: V8 gives pages of its own to a buffer that could be resized. */
function newSlab(): Buffer {
  return Buffer.from(new ArrayBuffer(SLAB_BYTES, { maxByteLength: SLAB_BYTES }), 0, SLAB_BYTES);
}
