import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readFile, readdir, realpath, rename, rm, rmdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../platform/errors/app-error.js';
import { syncDirectory } from '../../platform/files/durable-directory.js';
import type { HeldFile } from '../snapshot/held-file.js';
import { formatSums, parseSums, SUMS_FILE } from './sums-file.js';

/** Takes what is copied until all of it is there. */
const STAGING = '.haishin-export';

export interface CopyOptions {
  signal: AbortSignal;
  onBytes: (count: number) => void;
}

/** A copied file that waits for its place. */
export interface StagedFile {
  path: string;
  temporary: string;
}

/**
 * A directory that exports are written into, and nothing else: its list of checksums tells what earlier ones have put there.
 * Throws what `node:fs` throws, besides what is named.
 */
export class ExportDirectory {
  #copies = 0;

  private constructor(
    readonly root: string,
    /** SHA-256 by path, of what earlier exports put there. */
    readonly listed: ReadonlyMap<string, string>,
  ) {}

  /** @throws AppError `export-directory-foreign` when something else stands there; `export-directory-own` inside the data directory. */
  static async open(path: string, dataDir: string): Promise<ExportDirectory> {
    const own = await realpath(dataDir);
    requireOutside(resolve(path), own);
    await mkdir(path, { recursive: true }).catch((fault: unknown) => {
      throw isFileInTheWay(fault)
        ? new AppError('conflict', 'export-directory-foreign.file', { details: { path } })
        : fault;
    });
    const root = await realpath(path);
    requireOutside(root, own);
    const names = await readdir(root);
    const isOurs = names.includes(SUMS_FILE);
    if (names.length > 0 && !isOurs) throw new AppError('conflict', 'export-directory-foreign', { details: { path } });
    const directory = new ExportDirectory(
      root,
      isOurs ? parseSums(await readFile(join(root, SUMS_FILE), 'utf8')) : new Map<string, string>(),
    );
    await directory.clear();
    // From here on it is known as ours, wherever this ends.
    if (!isOurs) await writeFile(join(root, SUMS_FILE), '', { flush: true });
    return directory;
  }

  /** Whether an earlier export left this very content there, in this spelling; media lose bytes, so it is read. */
  async holds({ path, size, sha256 }: HeldFile, signal: AbortSignal): Promise<boolean> {
    if (this.listed.get(path) !== sha256) return false;
    const file = join(this.root, path);
    try {
      const facts = await lstat(file);
      if (!facts.isFile() || facts.size !== size) return false;
      await this.#requireInside(dirname(file));
      const hash = createHash('sha256');
      await pipeline(createReadStream(file), hash, { signal });
      return hash.digest('hex') === sha256;
    } catch (fault) {
      if (isAbsent(fault)) return false;
      throw fault;
    }
  }

  /** @throws AppError `export-content-damaged` when the content is not that of its name. */
  async stage({ path, sha256, mtime }: HeldFile, source: string, options: CopyOptions): Promise<StagedFile> {
    await mkdir(join(this.root, STAGING), { recursive: true });
    const temporary = join(this.root, STAGING, String(this.#copies++));
    const hash = createHash('sha256');
    async function* hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        options.onBytes(chunk.length);
        yield chunk;
      }
    }
    try {
      const { signal } = options;
      await pipeline(createReadStream(source), hashed, createWriteStream(temporary, { flush: true }), { signal });
    } catch (fault) {
      if (isAbsent(fault) && (fault as NodeJS.ErrnoException).path === source) throw damaged(path, sha256);
      throw fault;
    }
    if (hash.digest('hex') !== sha256) throw damaged(path, sha256);
    await utimes(temporary, new Date(mtime), new Date(mtime));
    return { path, temporary };
  }

  /** Written before the first change and after the last one: an interrupted export does not pass for a whole one. */
  async list(sums: ReadonlyMap<string, string>): Promise<void> {
    const temporary = join(this.root, `${STAGING}-list`);
    await writeFile(temporary, formatSums(sums), { flush: true });
    await rename(temporary, join(this.root, SUMS_FILE));
    await syncDirectory(this.root);
  }

  async place({ path, temporary }: StagedFile): Promise<void> {
    const target = join(this.root, path);
    await mkdir(dirname(target), { recursive: true });
    await this.#requireInside(dirname(target));
    await rename(temporary, target);
    await syncDirectory(dirname(target));
  }

  /** Removes a file of an earlier export, and the folders that are empty then. */
  async remove(path: string): Promise<void> {
    try {
      await this.#requireInside(dirname(join(this.root, path)));
      await rm(join(this.root, path), { force: true });
      for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) await rmdir(join(this.root, folder));
    } catch (fault) {
      const { code } = fault as NodeJS.ErrnoException;
      if (!isAbsent(fault) && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw fault;
    }
  }

  /** Removes copies that came to no place. */
  async clear(): Promise<void> {
    for (const name of [STAGING, `${STAGING}-list`]) await rm(join(this.root, name), { recursive: true, force: true });
  }

  /**
   * For every file that is to be placed or removed, before the first change.
   * @throws AppError `export-directory-linked` when a link in its way leads out.
   */
  async requireReachable(paths: Iterable<string>): Promise<void> {
    const folders = new Set([...paths].map((path) => dirname(join(this.root, path))));
    for (const folder of folders)
      await this.#requireInside(folder).catch((fault: unknown) => {
        if (!isAbsent(fault)) throw fault;
      });
  }

  async #requireInside(folder: string): Promise<void> {
    if (isWithin(await realpath(folder), this.root)) return;
    throw new AppError('bad-input', 'export-directory-linked', { details: { path: folder } });
  }
}

function requireOutside(path: string, dataDir: string): void {
  if (!isWithin(path, dataDir)) return;
  throw new AppError('bad-input', 'export-directory-own', { details: { path } });
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function isFileInTheWay(fault: unknown): boolean {
  const { code } = fault as NodeJS.ErrnoException;
  return code === 'EEXIST' || code === 'ENOTDIR';
}

function isAbsent(fault: unknown): boolean {
  const { code } = fault as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function damaged(path: string, sha256: string): AppError {
  return new AppError('storage', 'export-content-damaged', { details: { path, sha256 } });
}
