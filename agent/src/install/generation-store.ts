import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemCode } from '../errors/agent-error.js';
import { readIfThere, syncDirectory, writeSynced } from '../files/durable-file.js';
import { versionDirectory } from '../files/safe-name.js';
import type { CrashPoint } from './crash-point.js';
import type { Service } from './journal.js';

export interface StagedFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** What a generation holds; stands beside its files. */
export interface ReleaseRecord {
  readonly component: string;
  readonly version: string;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly size: number }[];
  readonly services: readonly Service[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly stagedAt: string;
}

const RECORD = '.haishin-release.json';
const CANNOT_LINK = new Set(['EXDEV', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK']);

/**
 * The product's directory: `<component>/versions/<generation>/…` and `<component>/current`, a symbolic link that is replaced
 * by one rename. A reader that opens `current` sees one whole generation, always.
 */
export class GenerationStore {
  readonly #root: string;
  readonly #crash: CrashPoint;

  constructor(root: string, crash: CrashPoint) {
    this.#root = root;
    this.#crash = crash;
  }

  async components(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true }).catch(ifMissing([]));
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  }

  /** Generation in force, a directory name, or null. */
  async current(component: string): Promise<string | null> {
    try {
      return basename(await readlink(join(this.#root, component, 'current')));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /** The generation that a rollback would bring back, or null. */
  async previous(component: string): Promise<string | null> {
    const current = await this.current(component);
    return (await this.#generations(component)).find((generation) => generation !== current) ?? null;
  }

  async record(component: string, generation: string): Promise<ReleaseRecord | null> {
    const text = await readIfThere(join(this.#versions(component), generation, RECORD));
    return text === null ? null : (JSON.parse(text) as ReleaseRecord);
  }

  async installed(component: string): Promise<ReleaseRecord | null> {
    const current = await this.current(component);
    return current === null ? null : this.record(component, current);
  }

  /** The directory name for a release: its version, made unique when that version is there with other content. */
  async generationFor(component: string, version: string, files: readonly StagedFile[]): Promise<string> {
    const name = versionDirectory(version);
    if (!(await this.#generations(component)).includes(name)) return name;
    return `${name}~${files
      .map((file) => file.sha256.slice(0, 8))
      .join('')
      .slice(0, 16)}~${Date.now().toString(36)}`;
  }

  /** Puts the files of a release on the disk, whole and synced, without making them current. */
  async stage(generation: string, release: ReleaseRecord, files: readonly StagedFile[]): Promise<void> {
    const versions = this.#versions(release.component);
    const staging = join(versions, `.staging-${generation}`);
    await mkdir(versions, { recursive: true, mode: 0o755 });
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { mode: 0o755 });
    for (const file of files) {
      await place(file.path, join(staging, file.name));
      this.#crash.reach('file-staged');
    }
    await writeSynced(join(staging, RECORD), `${JSON.stringify(release)}\n`);
    await syncDirectory(staging);
    this.#crash.reach('generation-staged');
    await rename(staging, join(versions, generation));
    await syncDirectory(versions);
    await syncDirectory(join(this.#root, release.component));
    await syncDirectory(this.#root);
    this.#crash.reach('generation-published');
  }

  /** Makes a generation current in one step; null takes the pointer away (nothing was installed before). */
  async flip(component: string, generation: string | null): Promise<void> {
    const directory = join(this.#root, component);
    const pointer = join(directory, 'current');
    if (generation === null) {
      await rm(pointer, { force: true });
    } else {
      const next = join(directory, '.current.next');
      await rm(next, { force: true });
      await symlink(join('versions', generation), next);
      this.#crash.reach('pointer-prepared');
      await rename(next, pointer);
    }
    await syncDirectory(directory);
  }

  /** Removes staged remains and every generation that is neither current nor in `keep`. */
  async prune(component: string, keep: readonly string[]): Promise<void> {
    const current = await this.current(component);
    const versions = this.#versions(component);
    const names = await readdir(versions).catch(ifMissing([]));
    for (const name of names) {
      if (name !== current && !keep.includes(name)) await rm(join(versions, name), { recursive: true, force: true });
    }
    await rm(join(this.#root, component, '.current.next'), { force: true });
  }

  async generationsExcept(component: string, excluded: readonly string[]): Promise<string[]> {
    return (await this.#generations(component)).filter((generation) => !excluded.includes(generation));
  }

  async #generations(component: string): Promise<string[]> {
    const names = await readdir(this.#versions(component)).catch(ifMissing([]));
    return names.filter((name) => !name.startsWith('.'));
  }

  #versions(component: string): string {
    return join(this.#root, component, 'versions');
  }
}

/** Links a checked download into place, or copies it where file systems differ; its data are on the disk afterwards. */
async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!CANNOT_LINK.has(systemCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await chmod(to, 0o644);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ifMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if (systemCode(error) === 'ENOENT') return fallback;
    throw error;
  };
}
