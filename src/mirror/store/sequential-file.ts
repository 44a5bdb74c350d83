import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** Lengths and positions of direct writes are multiples of this on every disk in use. */
const BLOCK_BYTES = 4096;
const DIRECT = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DIRECT;

/**
 * A file that is written once, from its beginning to its end, and then never changes.
 *
 * A large one can go to the disk past the page cache (`O_DIRECT`): the cache would cost more processor time than anything else that is
 * done with the bytes, and would push out what is being served. A file system that will not have that gets ordinary writes.
 * Throws what `node:fs` throws.
 */
export class SequentialFile {
  #position: number;

  private constructor(
    readonly path: string,
    private handle: FileHandle,
    private direct: boolean,
    position: number,
  ) {
    this.#position = position;
  }

  /** @throws EEXIST when there is such a file. */
  static async create(path: string, wish: { direct: boolean }): Promise<SequentialFile> {
    if (wish.direct)
      try {
        return new SequentialFile(path, await open(path, DIRECT, 0o600), true, 0);
      } catch (fault) {
        if (!isUnwilling(fault)) throw fault;
      }
    // Some file systems refuse only after they have made the file.
    return new SequentialFile(path, await open(path, wish.direct ? 'w' : 'wx', 0o600), false, 0);
  }

  /** Continues a file at its end, after `read` has seen what it has. */
  static async resume(path: string, read: (handle: FileHandle) => Promise<number>): Promise<SequentialFile> {
    const handle = await open(path, 'r+');
    try {
      return new SequentialFile(path, handle, false, await read(handle));
    } catch (fault) {
      await handle.close();
      throw fault;
    }
  }

  /** Writes the first `length` bytes of a slab (see slab-pool.ts); only the last piece may have another length than whole blocks. */
  async append(slab: Buffer, length: number): Promise<void> {
    if (this.direct)
      try {
        return await this.#appendDirect(slab, length);
      } catch (fault) {
        if (!isUnwilling(fault)) throw fault;
        await this.handle.close();
        this.handle = await open(this.path, 'r+');
        this.direct = false;
      }
    await this.#write(slab, length);
    this.#position += length;
  }

  /** Begins again at byte 0. */
  async truncate(): Promise<void> {
    await this.handle.truncate(0);
    this.#position = 0;
  }

  /** Makes it read-only, and brings it to the disk. */
  async seal(): Promise<void> {
    await this.handle.chmod(0o444);
    await this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  async #appendDirect(slab: Buffer, length: number): Promise<void> {
    const padded = Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
    slab.fill(0, length, padded);
    await this.#write(slab, padded);
    if (padded > length) await this.handle.truncate(this.#position + length);
    this.#position += length;
  }

  async #write(bytes: Buffer, length: number): Promise<void> {
    // A short write is legal (a nearly full disk does it): what is left is written again.
    for (let written = 0; written < length;) {
      const { bytesWritten } = await this.handle.write(bytes, written, length - written, this.#position + written);
      written += bytesWritten;
    }
  }
}

function isUnwilling(fault: unknown): boolean {
  const { code } = fault as NodeJS.ErrnoException;
  return code === 'EINVAL' || code === 'EOPNOTSUPP';
}
