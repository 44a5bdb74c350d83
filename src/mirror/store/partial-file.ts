import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toAppError } from '../../platform/errors/app-error.js';
import { statOrNull } from '../../platform/files/stat-or-null.js';
import { thisProcess, type ProcessMark } from '../../platform/process/process-mark.js';
import { BlobWriter, type StoredBlob } from './blob-writer.js';
import type { SlabPool } from './slab-pool.js';
import type { MeasuredMembers } from './zip-member.js';
import { mayBeWriting, temporaryName } from './temporary-name.js';

/** What proves that the rest of a file belongs to the part that we have; goes into `If-Range` as it is. */
export interface ResumeValidator {
  kind: 'etag' | 'last-modified';
  value: string;
}

export interface PartialRequest {
  /** Announced size in bytes, or null when nobody announced one. */
  size: number | null;
  maxBytes: number;
}

interface Sidecar {
  url: string;
  validator: ResumeValidator;
  /** Bytes of the whole file as the upstream told, or null. */
  total: number | null;
  owner: ProcessMark;
  /** Bytes written before a loss of power cannot be trusted: the size may be there without the content. */
  bootId: string;
}

/** The place where finished files go; the blob store. */
export interface PartialTarget {
  readonly slabs: SlabPool;
  temporaryPath(): string;
  commit(temporaryPath: string, blob: StoredBlob, measured: MeasuredMembers | null): Promise<void>;
}

const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
/** Below this a fresh start costs less than the book-keeping. */
const WORTH_KEEPING_BYTES = 1024 * 1024;

/** `<dir>/<sha256 of the URL>` and `.json` beside it: downloads that a later try, or a later process, may continue. */
export class PartialFiles {
  readonly #taken = new Set<string>();
  #bootId: string | null = null;

  constructor(
    private readonly dir: string,
    private readonly target: PartialTarget,
  ) {}

  async open(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    this.#bootId = await readBootId();
    await this.removeOld();
  }

  /** Partials that nobody has come back for within seven days: most names are gone from the manifest by then. */
  async old(): Promise<{ count: number; bytes: number }> {
    return total(await this.#old());
  }

  /** Removes them. */
  async removeOld(): Promise<{ count: number; bytes: number }> {
    const old = await this.#old();
    for (const { names } of old) for (const name of names) await rm(join(this.dir, name), { force: true });
    return total(old);
  }

  /** What belongs to one partial goes together: its sidecar is only written when it begins. */
  async #old(): Promise<OldPartial[]> {
    const partials = new Map<string, OldPartial & { touchedMs: number }>();
    for (const name of await readdir(this.dir)) {
      const key = name.split('.', 1)[0] ?? name;
      const found = await statOrNull(join(this.dir, name));
      if (found === null || this.#taken.has(key)) continue;
      const known = partials.get(key) ?? { names: [], bytes: 0, touchedMs: 0 };
      known.names.push(name);
      known.bytes += found.size;
      known.touchedMs = Math.max(known.touchedMs, found.mtimeMs);
      partials.set(key, known);
    }
    return [...partials.values()].filter(({ touchedMs }) => Date.now() - touchedMs > MAX_AGE_MS);
  }

  /** Continues what is there for this URL, when that can be trusted; otherwise begins an empty file. */
  async take(url: string, request: PartialRequest): Promise<PartialFile> {
    const key = createHash('sha256').update(url).digest('hex');
    const path = join(this.dir, key);
    const small = request.size !== null && request.size < WORTH_KEEPING_BYTES;
    if (small || this.#bootId === null || this.#taken.has(key)) return this.#temporary(request);
    this.#taken.add(key);
    try {
      const sidecar = await readSidecar(path);
      const found = await statOrNull(path);
      if (sidecar !== null && found !== null && mayBeWriting(sidecar.owner, Date.now() - found.mtimeMs)) {
        if (sidecar.owner.token !== thisProcess.token) {
          this.#taken.delete(key);
          return await this.#temporary(request);
        }
      }
      const release = (): void => void this.#taken.delete(key);
      const keep = { url, path, bootId: this.#bootId, release };
      if (sidecar !== null && found !== null && this.#fits(sidecar, url, found.size, request)) {
        const writer = await BlobWriter.resume(path, limitsOf(request), this.target.slabs);
        return new PartialFile(this.target, writer, keep, sidecar.validator, sidecar.total);
      }
      await removePartial(path);
      return new PartialFile(this.target, await BlobWriter.create(path, limitsOf(request), this.target.slabs), keep);
    } catch (error) {
      this.#taken.delete(key);
      throw toAppError(error);
    }
  }

  async #temporary(request: PartialRequest): Promise<PartialFile> {
    const writer = await BlobWriter.create(this.target.temporaryPath(), limitsOf(request), this.target.slabs);
    return new PartialFile(this.target, writer, null);
  }

  #fits(sidecar: Sidecar, url: string, length: number, { size, maxBytes }: PartialRequest): boolean {
    if (sidecar.url !== url || sidecar.bootId !== this.#bootId || length === 0 || length > maxBytes) return false;
    if (size !== null && sidecar.total !== null && sidecar.total !== size) return false;
    const total = size ?? sidecar.total;
    return total === null || length <= total;
  }
}

interface OldPartial {
  names: string[];
  bytes: number;
}

function total(partials: readonly OldPartial[]): { count: number; bytes: number } {
  return { count: partials.length, bytes: partials.reduce((sum, { bytes }) => sum + bytes, 0) };
}

interface Keeping {
  url: string;
  path: string;
  bootId: string;
  release: () => void;
}

/** One file on its way in. After `finish`, `leave` or `discard` it must not be used again. */
export class PartialFile {
  constructor(
    private readonly target: PartialTarget,
    private readonly writer: BlobWriter,
    private readonly keeping: Keeping | null,
    private currentValidator: ResumeValidator | null = null,
    private currentTotal: number | null = null,
  ) {}

  /** Bytes that are held already. */
  get offset(): number {
    return this.writer.received;
  }

  get validator(): ResumeValidator | null {
    return this.currentValidator;
  }

  /** Bytes of the whole file as the upstream told when it began, or null. */
  get total(): number | null {
    return this.currentTotal;
  }

  /** Begins at byte 0 with what the answer says about itself. */
  async begin(validator: ResumeValidator | null, total: number | null): Promise<void> {
    if (this.writer.received > 0) await this.writer.restart();
    this.currentValidator = validator;
    this.currentTotal = total;
    if (this.keeping === null) return;
    const { url, path, bootId } = this.keeping;
    if (validator === null) {
      await rm(`${path}.json`, { force: true });
      return;
    }
    const sidecar: Sidecar = { url, validator, total, owner: thisProcess, bootId };
    await writeSidecar(path, sidecar);
  }

  write(chunk: Buffer): Promise<void> | undefined {
    return this.writer.write(chunk);
  }

  /** Checks the size, makes it durable and stores it as a blob. */
  async finish(): Promise<StoredBlob> {
    const blob = await this.writer.finish();
    try {
      await this.target.commit(this.writer.path, blob, this.writer.measured);
      if (this.keeping !== null) await rm(`${this.keeping.path}.json`, { force: true });
    } catch (error) {
      throw toAppError(error);
    }
    this.keeping?.release();
    return blob;
  }

  /** Ends this try and keeps the bytes for a later one where that is worth it. Never throws. */
  async leave(): Promise<void> {
    if (this.keeping === null || this.currentValidator === null || this.offset < WORTH_KEEPING_BYTES)
      return this.discard();
    try {
      await this.writer.suspend();
      this.keeping.release();
    } catch {
      await this.discard();
    }
  }

  /** Ends this try and removes the bytes. Never throws. */
  async discard(): Promise<void> {
    await this.writer.discard();
    if (this.keeping === null) return;
    await rm(`${this.keeping.path}.json`, { force: true }).catch(() => undefined);
    this.keeping.release();
  }
}

function limitsOf({ size, maxBytes }: PartialRequest): { maxBytes: number; exactBytes?: number } {
  return size === null ? { maxBytes } : { maxBytes, exactBytes: size };
}

async function removePartial(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.json`, { force: true });
}

async function writeSidecar(path: string, sidecar: Sidecar): Promise<void> {
  try {
    const temporary = `${path}.${temporaryName()}`;
    await writeFile(temporary, JSON.stringify(sidecar));
    await rename(temporary, `${path}.json`);
  } catch (error) {
    throw toAppError(error);
  }
}

async function readSidecar(path: string): Promise<Sidecar | null> {
  try {
    const parsed: unknown = JSON.parse(await readFile(`${path}.json`, 'utf8'));
    return isSidecar(parsed) ? parsed : null;
  } catch {
    // Missing or torn: begin again.
    return null;
  }
}

function isSidecar(value: unknown): value is Sidecar {
  if (typeof value !== 'object' || value === null) return false;
  const { url, validator, total, owner, bootId } = value as Partial<Sidecar>;
  return (
    typeof url === 'string' &&
    typeof bootId === 'string' &&
    (total === null || typeof total === 'number') &&
    typeof validator?.value === 'string' &&
    (validator.kind === 'etag' || validator.kind === 'last-modified') &&
    typeof owner?.pid === 'number'
  );
}

/** Null where the system has none; then nothing is continued by a later process. */
async function readBootId(): Promise<string | null> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return null;
  }
}
