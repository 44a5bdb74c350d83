import { constants, type BigIntStats } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { BlobStore } from '../store/blob-store.js';
import { Bandwidth } from './bandwidth.js';
import { sizeExceeded, sizeMismatch } from './content-check.js';
import { locate } from './directory-lookup.js';
import { fault, throwIfCancelled } from './faults.js';
import { fetchOptional } from './optional-file.js';
import type {
  BlobRequest,
  FetchedBlob,
  NotModified,
  SmallRequest,
  SmallResult,
  UpstreamSource,
  Validators,
} from './source.js';
import { ShareCalls } from './share-calls.js';
import { DEFAULT_LIMITS, type TransferLimits } from './transfer-limits.js';
import { pathSegments } from './upstream-path.js';

export interface DirectorySourceOptions {
  /** Absolute path of a directory (also a mounted share), or its `file:` URL. */
  url: string;
  store: BlobStore;
  bandwidth?: Bandwidth;
  limits?: Partial<TransferLimits>;
}

interface OpenFile extends Validators {
  handle: FileHandle;
  url: string;
  size: number;
}

/** An upstream tree on a local disk or a mounted share. Names are looked up exactly first, then without regard to case. */
export class DirectorySource implements UpstreamSource {
  readonly url: string;
  readonly #root: string;
  readonly #bandwidth: Bandwidth;
  readonly #share: ShareCalls;
  readonly #idleMs: number;

  constructor(private readonly options: DirectorySourceOptions) {
    this.#root = rootPath(options.url);
    this.url = pathToFileURL(this.#root).href;
    this.#bandwidth = options.bandwidth ?? new Bandwidth();
    this.#share = ShareCalls.of(this.#root);
    this.#idleMs = options.limits?.idleMs ?? DEFAULT_LIMITS.idleMs;
  }

  async fetchSmall(path: string, { maxBytes, conditional, signal }: SmallRequest): Promise<SmallResult> {
    return this.#withFile(path, signal, async (file) => {
      if (isUnchanged(file, conditional)) return { status: 'not-modified' };
      if (file.size > maxBytes) throw sizeExceeded(file.url, maxBytes, file.size);
      const chunks: Buffer[] = [];
      for await (const chunk of this.#read(file, signal)) chunks.push(Buffer.from(chunk));
      return { status: 'ok', body: Buffer.concat(chunks), ...validatorsOf(file) };
    });
  }

  fetchOptional(path: string, request: SmallRequest): Promise<FetchedBlob | NotModified | null> {
    return fetchOptional(this, this.options.store, path, request);
  }

  async fetchBlob(path: string, { size, maxBytes, signal, onProgress }: BlobRequest): Promise<FetchedBlob> {
    return this.#withFile(path, signal, async (file) => {
      if (size !== null && file.size !== size) throw sizeMismatch(file.url, size, file.size);
      if (file.size > maxBytes) throw sizeExceeded(file.url, maxBytes, file.size);
      const blob = await this.options.store.write(this.#read(file, signal, onProgress), { maxBytes }, signal);
      return { status: 'ok', ...blob, ...validatorsOf(file) };
    });
  }

  reset(): void {
    // What hangs is given up by call, and comes back by itself.
  }

  async close(): Promise<void> {
    // Files are closed after each fetch.
  }

  async #withFile<T>(path: string, signal: AbortSignal | undefined, use: (file: OpenFile) => Promise<T>): Promise<T> {
    throwIfCancelled(signal);
    const file = await this.#call(() => this.#open(path), signal, close);
    try {
      return await use(file);
    } catch (error) {
      throwIfCancelled(signal);
      throw toAppError(error);
    } finally {
      close(file);
    }
  }

  #call<T>(work: () => Promise<T>, signal: AbortSignal | undefined, late?: (value: T) => void): Promise<T> {
    return this.#share.run(work, { ms: this.#idleMs, url: this.url, signal }, late);
  }

  async #open(path: string): Promise<OpenFile> {
    const segments = pathSegments(path);
    const url = pathToFileURL(join(this.#root, ...segments)).href;
    try {
      const root = await this.#realRoot();
      const found = await realpath(await locate(root, segments));
      if (!found.startsWith(root.endsWith(sep) ? root : root + sep))
        throw fault('upstream-refused.link', {
          url,
          reason: 'outside-directory',
        });
      // A pipe or a device could be waited for without end; O_NONBLOCK opens it without waiting, the check below refuses it.
      const handle = await open(found, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const facts = await handle.stat({ bigint: true });
        if (!facts.isFile()) throw fault('upstream-not-found.irregular', { url });
        return { handle, url, size: Number(facts.size), etag: etagOf(facts), lastModified: facts.mtime.toUTCString() };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw directoryFault(error, url);
    }
  }

  async #realRoot(): Promise<string> {
    try {
      const root = await realpath(this.#root);
      if ((await stat(root)).isDirectory()) return root;
    } catch (cause) {
      throw fault('upstream-unreachable.directory-missing', {
        url: this.url,
        reason: 'missing-directory',
        errno: (cause as NodeJS.ErrnoException).code ?? null,
      });
    }
    throw fault('upstream-unreachable.no-directory', {
      url: this.url,
      reason: 'missing-directory',
    });
  }

  /** The bytes that the file had when it was opened; a file that turns out shorter was changed meanwhile. Buffers are reused. */
  async *#read(file: OpenFile, signal?: AbortSignal, onProgress?: (bytes: number) => void): AsyncGenerator<Buffer> {
    const { slabs } = this.options.store;
    const slab = slabs.take();
    let lent = false;
    try {
      for (let position = 0; position < file.size;) {
        // A call that is left behind may still write into it.
        lent = true;
        const bytesRead = await this.#call(() => this.#readAt(file, slab, position), signal);
        lent = false;
        if (bytesRead === 0) {
          const details = { url: file.url, received: position, expected: file.size };
          throw fault('upstream-truncated', details);
        }
        position += bytesRead;
        onProgress?.(bytesRead);
        yield slab.subarray(0, bytesRead);
        const throttled = this.#bandwidth.take(bytesRead, signal);
        if (throttled !== undefined) await throttled;
      }
      await this.#call(() => this.#requireUnchanged(file), signal);
    } finally {
      if (!lent) slabs.giveBack(slab);
    }
  }

  /** Whoever copies onto the share in place may have set the final size before the bytes. */
  async #requireUnchanged(file: OpenFile): Promise<void> {
    const now = await file.handle.stat({ bigint: true }).catch((error: unknown) => {
      throw directoryFault(error, file.url);
    });
    if (etagOf(now) !== file.etag) throw fault('upstream-truncated.changed', { url: file.url });
  }

  async #readAt(file: OpenFile, slab: Buffer, position: number): Promise<number> {
    try {
      const { bytesRead } = await file.handle.read(slab, 0, Math.min(slab.length, file.size - position), position);
      return bytesRead;
    } catch (error) {
      // EIO here is a fault of the share, not of our own disk.
      throw directoryFault(error, file.url);
    }
  }
}

/** Not waited for: with a read left behind, it is over only when that is. */
function close({ handle }: OpenFile): void {
  handle.close().catch(() => undefined);
}

function etagOf({ size, mtimeNs, ino }: BigIntStats): string {
  return `"${size.toString(16)}-${mtimeNs.toString(16)}-${ino.toString(16)}"`;
}

function rootPath(url: string): string {
  if (!url.startsWith('file:')) {
    if (url.startsWith('/')) return url;
    throw new AppError('bad-input', 'upstream-url-invalid.directory');
  }
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new AppError('bad-input', 'upstream-url-invalid.file-url', { cause });
  }
}

function isUnchanged(file: OpenFile, conditional: Validators | undefined): boolean {
  return conditional?.etag !== undefined && conditional.etag === file.etag;
}

function validatorsOf({ etag, lastModified }: OpenFile): Validators {
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

function directoryFault(error: unknown, url: string): AppError {
  if (error instanceof AppError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? '';
  if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EISDIR' || errno === 'ENXIO')
    return fault('upstream-not-found.directory', { url }, { cause: error });
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'ELOOP')
    return fault('upstream-refused.directory', { url, errno }, { cause: error });
  return fault('upstream-unreachable.directory', { url, reason: 'network', errno }, { cause: error });
}
