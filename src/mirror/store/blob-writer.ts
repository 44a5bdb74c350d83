import { createHash, type Hash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { AppError, toAppError } from '../../platform/errors/app-error.js';

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

/** Network chunks are at most 64 KiB; gathering them saves 15 of 16 trips through the thread pool. */
const BATCH_BYTES = 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/**
 * One temporary file being filled: bytes are hashed as they arrive, gathered, and written while the next ones come in.
 * At most two batches (2 MiB) are in memory. Every fault of the disk comes out as an AppError of kind `storage`.
 */
export class BlobWriter {
  #hash: Hash = createHash('sha256');
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #received = 0;
  #writePosition = 0;
  #inFlight: Promise<void> = Promise.resolve();
  #failure: AppError | null = null;
  #handle: FileHandle | null;

  private constructor(
    readonly path: string,
    handle: FileHandle,
    private readonly limits: WriteLimits,
  ) {
    this.#handle = handle;
  }

  static async create(path: string, limits: WriteLimits): Promise<BlobWriter> {
    try {
      return new BlobWriter(path, await open(path, 'wx', 0o600), limits);
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Continues a file that an earlier process left; reads it once for its hash. */
  static async resume(path: string, limits: WriteLimits): Promise<BlobWriter> {
    try {
      const handle = await open(path, 'r+');
      const writer = new BlobWriter(path, handle, limits);
      try {
        for await (const chunk of readChunks(handle)) {
          writer.#hash.update(chunk);
          writer.#received += chunk.length;
        }
        writer.#writePosition = writer.#received;
        return writer;
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Bytes taken in so far, whether on the disk yet or not. */
  get received(): number {
    return this.#received;
  }

  /**
   * Takes the next bytes; the caller must not reuse the buffer. Returns a promise only when the disk is behind, and then
   * the caller must await it before the next call.
   */
  write(chunk: Buffer): Promise<void> | undefined {
    const total = this.#received + chunk.length;
    const { maxBytes, exactBytes } = this.limits;
    if (exactBytes !== undefined && total > exactBytes)
      throw new AppError(
        'upstream',
        'size-mismatch',
        `The file is longer than the ${exactBytes} bytes that were announced.`,
        {
          details: { expected: exactBytes, receivedAtLeast: total },
        },
      );
    if (total > maxBytes)
      throw new AppError(
        'upstream',
        'size-exceeded',
        `The file is longer than the ${maxBytes} bytes that are allowed.`,
        {
          details: { maxBytes, receivedAtLeast: total },
        },
      );
    this.#hash.update(chunk);
    this.#received = total;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    return this.#pendingBytes >= BATCH_BYTES ? this.#startBatch() : undefined;
  }

  /** Drops what was taken in, to begin again at byte 0. */
  async restart(): Promise<void> {
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#inFlight;
    this.#throwFailure();
    try {
      await this.#openHandle().truncate(0);
    } catch (error) {
      throw toAppError(error);
    }
    this.#hash = createHash('sha256');
    this.#received = 0;
    this.#writePosition = 0;
  }

  /** Brings everything to the disk, durably, and closes. Checks the exact size. */
  async finish(): Promise<StoredBlob> {
    const { exactBytes } = this.limits;
    if (exactBytes !== undefined && this.#received !== exactBytes)
      throw new AppError(
        'upstream',
        'size-mismatch',
        `The file has ${this.#received} bytes where ${exactBytes} were announced.`,
        {
          details: { expected: exactBytes, received: this.#received },
        },
      );
    await this.#flush();
    const handle = this.#openHandle();
    try {
      await handle.chmod(0o444);
      await handle.sync();
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
    this.#pending = [];
    await this.#inFlight;
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes > 0) await this.#startBatch();
    await this.#inFlight;
    this.#throwFailure();
  }

  /** Resolves when the batch before is written and this one is under way. */
  async #startBatch(): Promise<void> {
    await this.#inFlight;
    this.#throwFailure();
    const batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#inFlight = this.#writeAll(batch).catch((error: unknown) => {
      this.#failure = toAppError(error);
    });
  }

  async #writeAll(batch: Buffer[]): Promise<void> {
    const handle = this.#openHandle();
    let rest = batch;
    while (rest.length > 0) {
      const { bytesWritten } = await handle.writev(rest, this.#writePosition);
      this.#writePosition += bytesWritten;
      rest = dropBytes(rest, bytesWritten);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #openHandle(): FileHandle {
    if (this.#handle === null) throw new AppError('internal', 'internal', 'A closed temporary file was written to.');
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}

/** The file from its beginning in large chunks; each buffer is reused for the next one. */
export async function* readChunks(handle: FileHandle, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let position = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A short write is legal (a nearly full disk does it): what is left must be written again. */
function dropBytes(buffers: Buffer[], count: number): Buffer[] {
  let skip = count;
  let index = 0;
  for (const buffer of buffers) {
    if (skip < buffer.length) break;
    skip -= buffer.length;
    index += 1;
  }
  const rest = buffers.slice(index);
  const first = rest[0];
  if (first !== undefined && skip > 0) rest[0] = first.subarray(skip);
  return rest;
}
