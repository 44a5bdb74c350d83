import { mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { statOrNull } from '../../platform/files/stat-or-null.js';
import { factsOf, statEach, type BlobFacts } from './blob-facts.js';
import { hashesOf, throwIfCancelled } from './blob-hashes.js';
import { BlobWriter, type StoredBlob, type WriteLimits } from './blob-writer.js';
import { makeDirectory, syncDirectory } from '../../platform/files/durable-directory.js';
import { makeDirectories } from './durable-directory.js';
import { MeasuredZips } from './measured-zips.js';
import { PartialFiles } from './partial-file.js';
import { SlabPool } from './slab-pool.js';
import { checkZip } from './zip-check.js';
import type { MeasuredMembers } from './zip-member.js';
import { isStaleTemporary, temporaryName } from './temporary-name.js';

export type { StoredBlob, WriteLimits } from './blob-writer.js';

const SHA256 = /^[0-9a-f]{64}$/;
/** `00` to `ff`. */
const FOLDERS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/**
 * Content-addressed files under `<root>/blobs/<aa>/<sha256>`; a blob that is visible is complete and never changes. Whoever records
 * one anywhere calls `settle` first: until then a loss of power may take it away again, as a whole.
 * `<root>/incoming/` holds what is being written, `<root>/partial/` what may be resumed. Several processes may share a root.
 * Errors: `storage/*` for the disk, `upstream/size-mismatch` and `upstream/size-exceeded` for the content,
 * `conflict/cancelled` for an abort, `not-found/blob-not-found`.
 */
export class BlobStore {
  readonly partials: PartialFiles;
  readonly slabs = new SlabPool();
  readonly #measured = new MeasuredZips();
  readonly #incoming: string;
  readonly #blobs: string;
  /** Those between which files are moved, and from which they are linked. */
  readonly directories: readonly string[];

  constructor(readonly rootDir: string) {
    this.#blobs = join(rootDir, 'blobs');
    this.#incoming = join(rootDir, 'incoming');
    const partial = join(rootDir, 'partial');
    // Not `blobs/` itself: nothing but its folders may ever stand in it.
    this.directories = [join(this.#blobs, FOLDERS[0] ?? ''), this.#incoming, partial];
    this.partials = new PartialFiles(partial, this);
  }

  /** Makes the directories and removes what dead processes left behind. Call once at start. */
  async open(): Promise<void> {
    await onDisk(async () => {
      for (const path of [this.#blobs, this.#incoming]) await mkdir(path, { recursive: true });
      // All at once: making one durably in the middle of a transfer costs more than the transfer of a small file.
      await makeDirectories(this.#blobs, FOLDERS);
      await syncDirectory(this.rootDir);
      for (const name of await readdir(this.#incoming)) {
        const path = join(this.#incoming, name);
        const age = await ageMs(path);
        if (age !== null && isStaleTemporary(name, age)) await rm(path, { force: true });
      }
      await this.partials.open();
    });
  }

  pathOf(sha256: string): string {
    if (!SHA256.test(sha256)) throw new AppError('bad-input', 'blob-id-invalid');
    // Not `join`: a tree asks for thousands of them.
    return `${this.#blobs}/${sha256.slice(0, 2)}/${sha256}`;
  }

  async has(sha256: string): Promise<boolean> {
    return (await this.size(sha256)) !== null;
  }

  /** Size in bytes, or null when the blob is not held. */
  async size(sha256: string): Promise<number | null> {
    const path = this.pathOf(sha256);
    return onDisk(async () => (await statOrNull(path))?.size ?? null);
  }

  /** Those of the blobs that are not held with the size in bytes that is given. */
  async unlike(sizes: ReadonlyMap<string, number>): Promise<Set<string>> {
    const found = new Set<string>();
    await onDisk(() =>
      statEach(sizes.keys(), this, (sha256, stats) => {
        if (stats?.size !== sizes.get(sha256)) found.add(sha256);
      }),
    );
    return found;
  }

  /** Facts of those of the blobs that are held. */
  factsOf(sha256s: Iterable<string>): Promise<Map<string, BlobFacts>> {
    return onDisk(() => factsOf(sha256s, this));
  }

  /** @throws AppError `blob-missing` unless all of them are held. */
  async requireHeld(sha256s: ReadonlySet<string>): Promise<void> {
    const held = await this.factsOf(sha256s);
    const missing = [...sha256s].find((sha256) => !held.has(sha256));
    if (missing === undefined) return;
    throw new AppError('storage', 'blob-missing', {
      details: { sha256: missing },
    });
  }

  /** A fresh path in `incoming/`, for somebody who writes the file and then calls `adopt`. */
  temporaryPath(): string {
    return join(this.#incoming, temporaryName());
  }

  /**
   * Stores a stream, within limits. On any fault nothing remains. Buffers of the source may be reused. `inspect` sees the complete
   * file before it becomes a blob, and refuses it by throwing.
   */
  async write(
    source: AsyncIterable<Buffer> | Iterable<Buffer>,
    limits: WriteLimits,
    signal?: AbortSignal,
    inspect?: (path: string, measured: MeasuredMembers | null) => Promise<void>,
  ): Promise<StoredBlob> {
    const writer = await BlobWriter.create(this.temporaryPath(), limits, this.slabs);
    try {
      for await (const chunk of source) {
        throwIfCancelled(signal);
        const busy = writer.write(chunk);
        if (busy !== undefined) await busy;
      }
      throwIfCancelled(signal);
      const blob = await writer.finish();
      await inspect?.(writer.path, writer.measured);
      await this.commit(writer.path, blob, writer.measured);
      return blob;
    } catch (error) {
      await writer.discard();
      throwIfCancelled(signal);
      throw toAppError(error);
    }
  }

  /** Publishes a finished, fsynced temporary under its hash. Content that is already held wins, unless it was damaged. */
  async commit(temporaryPath: string, blob: StoredBlob, measured: MeasuredMembers | null = null): Promise<void> {
    this.#measured.remember(blob.sha256, measured);
    const target = this.pathOf(blob.sha256);
    await onDisk(async () => {
      if ((await statOrNull(target))?.size === blob.size && (await this.touch(blob.sha256))) {
        await rm(temporaryPath);
        return;
      }
      try {
        await rename(temporaryPath, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        await makeDirectory(dirname(target));
        await rename(temporaryPath, target);
      }
    });
  }

  /**
   * Makes blobs survive a loss of power. Their contents do already; their names are brought to the disk together, because one by one
   * they would cost a write of the journal each.
   */
  async settle(sha256s: Iterable<string>): Promise<void> {
    const folders = new Set([...sha256s].map((sha256) => dirname(this.pathOf(sha256))));
    await onDisk(async () => void (await Promise.all([...folders].map(syncDirectory))));
  }

  /**
   * Checks a blob that is a ZIP container (see `checkZip`). Right after it was written this costs next to nothing, because its members
   * were unpacked on the way in.
   */
  async checkZip(sha256: string, signal?: AbortSignal): Promise<void> {
    const measured = this.#measured.take(sha256);
    await checkZip(this.pathOf(sha256), { measured, ...(signal === undefined ? {} : { signal }) });
  }

  /**
   * Removes a blob that nobody has written or touched for `minAgeMs`; false when it is not held, or was wanted meanwhile. The caller
   * knows that nothing refers to it.
   */
  async remove(sha256: string, minAgeMs = 0): Promise<boolean> {
    const path = this.pathOf(sha256);
    const aside = this.temporaryPath();
    return onDisk(async () => {
      // Out of reach first: whoever brings the same content after this stores it anew, whoever did so before has left a time on it.
      if (!(await moved(path, aside))) return false;
      const age = await ageMs(aside);
      if (age !== null && age < minAgeMs) {
        await rename(aside, path);
        return false;
      }
      await rm(aside, { force: true });
      return true;
    });
  }

  /** Marks a blob as wanted just now, so that garbage collection leaves it alone for a while; false when it is not held. */
  async touch(sha256: string): Promise<boolean> {
    const path = this.pathOf(sha256);
    return onDisk(async () => {
      try {
        const now = new Date();
        await utimes(path, now, now);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    });
  }

  /** Moves a blob to `<root>/quarantine/`, where a person may look at it; false when it was not held. */
  async quarantine(sha256: string): Promise<boolean> {
    const path = this.pathOf(sha256);
    return onDisk(async () => {
      const aside = join(this.rootDir, 'quarantine');
      await mkdir(aside, { recursive: true, mode: 0o700 });
      return moved(path, join(aside, sha256));
    });
  }

  /** Every blob held, in order of its name. */
  async *list(): AsyncGenerator<string> {
    const folders = await onDisk(() => readdir(this.#blobs));
    for (const folder of folders.sort()) {
      const names = await onDisk(() => readdir(join(this.#blobs, folder)));
      for (const name of names.sort()) if (SHA256.test(name)) yield name;
    }
  }

  /** Reads the blob again: `intact`, `damaged` (the content is not that of its name) or `missing`. */
  async verify(sha256: string, signal?: AbortSignal): Promise<'intact' | 'damaged' | 'missing'> {
    if (!(await this.has(sha256))) return 'missing';
    const { sha256: actual } = await hashesOf(this.pathOf(sha256), ['sha256'], this.slabs, signal);
    return actual === sha256 ? 'intact' : 'damaged';
  }

  /** MD5 and SHA-1 in lower-case hex, for protocols that ask for them; computed by reading the blob once. */
  async digests(sha256: string, signal?: AbortSignal): Promise<{ md5: string; sha1: string }> {
    return hashesOf(this.pathOf(sha256), ['md5', 'sha1'], this.slabs, signal);
  }
}

async function ageMs(path: string): Promise<number | null> {
  const found = await statOrNull(path);
  return found === null ? null : Date.now() - found.mtimeMs;
}

/** False when there is nothing to move. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function onDisk<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}
