import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '../store/blob-store.js';
import { makeDirectory, syncDirectory } from '../../platform/files/durable-directory.js';
import { linkAll } from './hard-links.js';
import type { HeldFile } from './held-file.js';
import type { TreeFolder } from './tree-folders.js';

/** Below this, links of its own cost a tree less than another place to look. */
const SHARED_FROM = 256;
const STAGING = '.staging-';

/**
 * Large folders of published trees, each content once: `published/.folders/<id>/` with hard links to blobs, named by the symbolic
 * links of the trees that have it. So an update costs links for the folders that it changes, not for the whole tree (ADR 10).
 * One caller at a time on all nodes, as for all that writes below `published/`.
 */
export class SharedFolders {
  private readonly making = new Map<string, Promise<void>>();

  constructor(
    private readonly root: string,
    private readonly blobs: BlobStore,
    private readonly noteDamage: () => Promise<void>,
  ) {}

  /** Whether a folder of a tree is kept here. */
  suits(path: string, { files, nested }: TreeFolder): boolean {
    return path !== '' && files.length >= SHARED_FROM && !nested;
  }

  pathOf(id: string): string {
    return join(this.root, id);
  }

  /** Makes a folder of exactly these files stand here, durably, unless it does; resolves to its id. */
  async provide(files: readonly HeldFile[]): Promise<string> {
    const id = idOf(files);
    // Both channels ask for the same at the same time.
    const running = this.making.get(id) ?? this.make(id, files).finally(() => this.making.delete(id));
    this.making.set(id, running);
    await running;
    return id;
  }

  private async make(id: string, files: readonly HeldFile[]): Promise<void> {
    await makeDirectory(this.root);
    if ((await stat(this.pathOf(id)).catch(() => undefined)) === undefined) {
      // A name of its own: one that failed in the other channel may still be at work when the next publication begins.
      const staging = join(this.root, `${STAGING}${id.slice(0, 12)}-${randomBytes(4).toString('hex')}`);
      await mkdir(staging);
      const whole = await linkAll(this.blobs, files, (file) => join(staging, nameOf(file)));
      if (!whole) await this.noteDamage();
      await syncDirectory(staging);
      await rename(staging, this.pathOf(id));
    }
    // Also for one that is there: whoever made it may have been interrupted just before this.
    await syncDirectory(this.root);
  }

  /** Removes what is not needed, and what a crash left half made. */
  async keepOnly(needed: ReadonlySet<string>): Promise<void> {
    const present = await readdir(this.root).catch((fault: unknown) => {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fault;
    });
    for (const name of present)
      if (!needed.has(name)) await rm(join(this.root, name), { recursive: true, force: true });
  }
}

function nameOf(file: HeldFile): string {
  return file.path.slice(file.path.lastIndexOf('/') + 1);
}

/** SHA-256 over names and contents, in the order of the names. */
function idOf(files: readonly HeldFile[]): string {
  const lines = files.map((file) => `${nameOf(file)}\n${file.sha256}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
