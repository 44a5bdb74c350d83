import { createHash, type Hash } from 'node:crypto';
import { rm, type FileHandle } from 'node:fs/promises';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { MemberProbe } from './member-probe.js';
import { SequentialFile } from './sequential-file.js';
import { SLAB_BYTES, type SlabPool } from './slab-pool.js';
import type { MeasuredMembers } from './zip-member.js';

/** What a stored file is known by; `size` in bytes, `sha256` in lower-case hex. */
export interface StoredBlob {
  sha256: string;
  size: number;
}

export interface WriteLimits {
  /** More than this many bytes is refused with `size-exceeded`. */
  maxBytes: number;
  /** Any other number of bytes is refused with `size-mismatch`. */
  exactBytes?: number;
}

/**
 * One temporary file being filled: bytes are hashed and gathered as they arrive; one slab is written while the next one fills, so at
 * most two (2 MiB) are in memory, and for a moment a third with the end of a chunk. Chunks are only lent, and many: copying them into a
 * slab costs less than the garbage collection of holding them, and saves most trips through the thread pool. Every fault of the disk
 * comes out as an AppError of kind `storage`.
 */
export class BlobWriter {
  #hash: Hash = createHash('sha256');
  /** Being filled; null until something comes. */
  #slab: Buffer | null = null;
  #filled = 0;
  /** Filled, and not yet on their way to the disk. */
  #full: Buffer[] = [];
  #received = 0;
  #inFlight: Promise<void> = Promise.resolve();
  /** Settled when the last write that was asked for is under way. */
  #begun: Promise<void> = Promise.resolve();
  #failure: AppError | null = null;
  #file: SequentialFile | null;
  /** Only for a file that is written from its beginning. */
  #probe: MemberProbe | null = null;

  private constructor(
    readonly path: string,
    file: SequentialFile,
    private readonly limits: WriteLimits,
    private readonly slabs: SlabPool,
  ) {
    this.#file = file;
  }

  static async create(path: string, limits: WriteLimits, slabs: SlabPool): Promise<BlobWriter> {
    try {
      const direct = limits.exactBytes !== undefined && limits.exactBytes >= SLAB_BYTES;
      const writer = new BlobWriter(path, await SequentialFile.create(path, { direct }), limits, slabs);
      writer.#probe = new MemberProbe();
      return writer;
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Continues a file that an earlier process left; reads it once for its hash. */
  static async resume(path: string, limits: WriteLimits, slabs: SlabPool): Promise<BlobWriter> {
    const hash = createHash('sha256');
    let received = 0;
    try {
      const file = await SequentialFile.resume(path, async (handle) => {
        for await (const chunk of readChunks(handle, slabs)) {
          hash.update(chunk);
          received += chunk.length;
        }
        return received;
      });
      const writer = new BlobWriter(path, file, limits, slabs);
      writer.#hash = hash;
      writer.#received = received;
      return writer;
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** What the members of a ZIP file unpacked to while it was written; null for other files. After `finish`. */
  get measured(): MeasuredMembers | null {
    return this.#probe?.members ?? null;
  }

  /** Bytes taken in so far, whether on the disk yet or not. */
  get received(): number {
    return this.#received;
  }

  /**
   * Takes the next bytes, by copy. Returns a promise only when a slab is full, and then the caller must await it before the next call.
   */
  write(chunk: Buffer): Promise<void> | undefined {
    const total = this.#received + chunk.length;
    const { maxBytes, exactBytes } = this.limits;
    if (exactBytes !== undefined && total > exactBytes)
      throw new AppError('upstream', 'size-mismatch.longer', {
        details: { expected: exactBytes, receivedAtLeast: total },
      });
    if (total > maxBytes)
      throw new AppError('upstream', 'size-exceeded', {
        details: { maxBytes, receivedAtLeast: total },
      });
    this.#hash.update(chunk);
    this.#received = total;
    // All of it at once: the chunk may be somebody else's again as soon as this returns.
    for (let position = 0; position < chunk.length;) {
      const part = chunk.subarray(position, position + SLAB_BYTES - this.#filled);
      this.#append(part);
      position += part.length;
    }
    return this.#full.length === 0 ? undefined : this.#startWrites();
  }

  /** Drops what was taken in, to begin again at byte 0. */
  async restart(): Promise<void> {
    this.#dropSlabs();
    await this.#inFlight;
    this.#throwFailure();
    try {
      await this.#openFile().truncate();
    } catch (error) {
      throw toAppError(error);
    }
    this.#hash = createHash('sha256');
    this.#received = 0;
    this.#probe?.stop();
    this.#probe = new MemberProbe();
  }

  /** Brings everything to the disk, durably, and closes. Checks the exact size. */
  async finish(): Promise<StoredBlob> {
    const { exactBytes } = this.limits;
    if (exactBytes !== undefined && this.#received !== exactBytes)
      throw new AppError('upstream', 'size-mismatch', {
        details: { expected: exactBytes, received: this.#received },
      });
    await this.#flush();
    try {
      await this.#openFile().seal();
    } catch (error) {
      throw toAppError(error);
    }
    await this.#close();
    return { sha256: this.#hash.digest('hex'), size: this.#received };
  }

  /** Writes out what is in memory and closes, so that a later `resume` finds it. Not fsynced: it is only a partial file. */
  async suspend(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#close();
    }
  }

  /** Closes and removes the file; never throws, because it runs while another fault is on its way up. */
  async discard(): Promise<void> {
    this.#dropSlabs();
    await this.#inFlight;
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  #append(bytes: Buffer): void {
    this.#slab ??= this.slabs.take();
    bytes.copy(this.#slab, this.#filled);
    this.#filled += bytes.length;
    if (this.#filled < SLAB_BYTES) return;
    this.#full.push(this.#slab);
    this.#slab = null;
    this.#filled = 0;
  }

  #dropSlabs(): void {
    if (this.#slab !== null) this.slabs.giveBack(this.#slab);
    for (const slab of this.#full) this.slabs.giveBack(slab);
    this.#slab = null;
    this.#filled = 0;
    this.#full = [];
  }

  async #flush(): Promise<void> {
    await this.#startWrites();
    const slab = this.#slab;
    if (slab !== null) {
      const filled = this.#filled;
      this.#slab = null;
      this.#filled = 0;
      await this.#startWrite(slab, filled);
    }
    await this.#inFlight;
    this.#throwFailure();
  }

  async #startWrites(): Promise<void> {
    for (let slab = this.#full.shift(); slab !== undefined; slab = this.#full.shift())
      await this.#startWrite(slab, SLAB_BYTES);
  }

  /** Resolves when the slab before is written and this one is under way. One after the other, whoever calls, as each begins where the last ends. */
  #startWrite(slab: Buffer, filled: number): Promise<void> {
    const begun = this.#begun.then(() => this.#begin(slab, filled));
    this.#begun = begun.catch(() => undefined);
    return begun;
  }

  async #begin(slab: Buffer, filled: number): Promise<void> {
    await this.#inFlight;
    if (this.#failure !== null) this.slabs.giveBack(slab);
    this.#throwFailure();
    this.#inFlight = Promise.all([this.#writeOut(slab, filled), this.#probe?.feed(slab.subarray(0, filled))])
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#failure = toAppError(error);
      })
      .finally(() => this.slabs.giveBack(slab));
  }

  /** Rejects, and never throws at once: its caller gives the slab back. */
  async #writeOut(slab: Buffer, filled: number): Promise<void> {
    await this.#openFile().append(slab, filled);
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #openFile(): SequentialFile {
    if (this.#file === null) throw new AppError('internal', 'internal.closed-file');
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#probe?.stop();
    await file?.close();
  }
}

/** The file from its beginning in large chunks; each buffer is reused for the next one. */
export async function* readChunks(handle: FileHandle, slabs: SlabPool, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const slab = slabs.take();
  try {
    let position = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(slab, 0, slab.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield slab.subarray(0, bytesRead);
    }
  } finally {
    slabs.giveBack(slab);
  }
}
