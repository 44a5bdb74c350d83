import { randomBytes } from 'node:crypto';
import {
  link,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { BlobStore } from '../store/blob-store.js';
import { requireOneFileSystem } from '../store/one-file-system.js';
import { syncDirectory } from '../../platform/files/durable-directory.js';
import { toAppError } from '../../platform/errors/app-error.js';
import { CHANNELS, type Channel } from './channel.js';
import { linkAll } from './hard-links.js';
import type { HeldFile, SnapshotIndex } from './held-file.js';
import { indexMissing, parseIndex } from './snapshot-index.js';
import { SharedFolders } from './shared-folders.js';
import { foldersOf } from './tree-folders.js';
import { statOrNull } from '../../platform/files/stat-or-null.js';

const STAGING = '.staging-';
const INDEX_FILE = 'index.json';
/** Beside an index: ids of the shared folders that the tree names. Absent where there is none. */
const FOLDERS_FILE = 'folders.json';
/** In `published/`: contents of trees were lost, and the trees are to be mended when they are there again. */
const DAMAGE_FILE = '.damaged';
/** In `published/`: the name of the channel behind `/TvcsDownload/ActiveUpdate`. */
export const DEFAULT_CHANNEL_FILE = 'default-channel';

/** A file of a tree, as it stands on the disk. */
export interface TreeFile {
  /** Below the tree. */
  path: string;
  file: string;
  size: number;
}

/**
 * `published/<channel>/<snapshot>/{index.json,tree/…}` and the pointer `published/<channel>/current`; large folders of the trees
 * stand in `published/.folders/`.
 * A snapshot becomes visible by one rename and comes into force by another; a crash leaves either the old or the new.
 */
export class PublishedDirectory {
  private readonly root: string;
  private readonly folders: SharedFolders;

  constructor(
    dataDir: string,
    private readonly blobs: BlobStore,
  ) {
    this.root = join(dataDir, 'published');
    this.folders = new SharedFolders(join(this.root, '.folders'), blobs, () => this.noteDamage());
  }

  /** @throws AppError `data-directory-split`, `hard-links-unsupported` when no tree could be made of the blobs. */
  async open(channels: readonly Channel[]): Promise<void> {
    const roots = channels.map((channel) => join(this.root, channel));
    for (const root of roots) await mkdir(root, { recursive: true });
    await requireOneFileSystem(this.blobs.temporaryPath(), [...this.blobs.directories, this.root, ...roots]);
  }

  /**
   * Removes what an interrupted publication left: half-rendered trees, and complete ones that nobody recorded. Only while the
   * caller publishes alone: another node's rendering looks the same.
   */
  async sweep(channel: Channel, isRecorded: (snapshot: string) => boolean): Promise<void> {
    const current = await this.current(channel);
    for (const name of await readdir(join(this.root, channel)))
      if (name.startsWith(STAGING) || name.startsWith('.current-'))
        await rm(join(this.root, channel, name), { recursive: true, force: true });
    // Older ones that the database does not know are of a time before it was restored from a backup: they stay reachable.
    for (const snapshot of await this.snapshots(channel))
      if (current !== snapshot && (current === null || snapshot > current) && !isRecorded(snapshot))
        await this.remove(channel, snapshot);
  }

  /** Renders a snapshot completely and durably, but does not put it into force. */
  async stage(channel: Channel, index: SnapshotIndex): Promise<void> {
    const staging = join(this.root, channel, STAGING + index.snapshot);
    const tree = join(staging, 'tree');
    await rm(staging, { recursive: true, force: true });
    const made = await this.render(tree, index.files);
    await Promise.all([
      writeFile(join(staging, INDEX_FILE), JSON.stringify(index), { flush: true }),
      ...(made.shared.length > 0
        ? [writeFile(join(staging, FOLDERS_FILE), JSON.stringify(made.shared), { flush: true })]
        : []),
      ...made.folders.map(syncDirectory),
    ]);
    await syncDirectory(staging);
    await rm(join(this.root, channel, index.snapshot), { recursive: true, force: true });
    await rename(staging, join(this.root, channel, index.snapshot));
    await syncDirectory(join(this.root, channel));
  }

  /** Makes the tree; tells the folders that are not on the disk for good yet, and the ids of the shared ones. */
  private async render(tree: string, files: readonly HeldFile[]): Promise<{ folders: string[]; shared: string[] }> {
    const rendered = { folders: [] as string[], shared: [] as string[] };
    for (const [folder, own] of foldersOf(files)) {
      const path = join(tree, folder);
      if (this.folders.suits(folder, own)) {
        const id = await this.folders.provide(own.files);
        await symlink(relative(dirname(path), this.folders.pathOf(id)), path);
        rendered.shared.push(id);
        continue;
      }
      await mkdir(path, { recursive: true });
      if (!(await linkAll(this.blobs, own.files, (file) => join(tree, file.path)))) await this.noteDamage();
      rendered.folders.push(path);
    }
    return rendered;
  }

  /** Puts a staged snapshot into force: one rename. */
  async flip(channel: Channel, snapshot: string): Promise<void> {
    // A name of its own: a node that has lost its lock may put the same snapshot into force at the same moment.
    const temporary = join(this.root, channel, `.current-${randomBytes(4).toString('hex')}`);
    await symlink(snapshot, temporary);
    await rename(temporary, join(this.root, channel, 'current'));
    await syncDirectory(join(this.root, channel));
  }

  /** What the default address serves; stands beside the trees, so that it needs no database and reaches every process. */
  async setDefaultChannel(channel: Channel): Promise<void> {
    const temporary = join(this.root, `.default-${randomBytes(4).toString('hex')}`);
    await writeFile(temporary, `${channel}\n`);
    await rename(temporary, join(this.root, DEFAULT_CHANNEL_FILE));
    await syncDirectory(this.root);
  }

  /** The snapshot in force, or null before the first. */
  async current(channel: Channel): Promise<string | null> {
    try {
      return await readlink(join(this.root, channel, 'current'));
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw fault;
    }
  }

  async snapshots(channel: Channel): Promise<string[]> {
    const names = await readdir(join(this.root, channel), { withFileTypes: true });
    return names.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
  }

  /** @throws AppError `published-index-missing`, `published-index-corrupt`; of the disk. */
  async readIndex(channel: Channel, snapshot: string): Promise<SnapshotIndex> {
    const place = { channel, snapshot, file: join(this.root, channel, snapshot, INDEX_FILE) };
    // Decoded at once: piece by piece, as `readFile` would, takes as long as the parser.
    const bytes = await readFile(place.file).catch((fault: unknown) => {
      throw (fault as NodeJS.ErrnoException).code === 'ENOENT' ? indexMissing(place, fault) : toAppError(fault);
    });
    return parseIndex(bytes.toString(), place);
  }

  /** Changes when the file of an index does; null when that cannot be looked at. */
  async indexIdentity(channel: Channel, snapshot: string): Promise<string | null> {
    try {
      const { ino, size, mtimeNs } = await stat(join(this.root, channel, snapshot, INDEX_FILE), { bigint: true });
      return `${ino}:${size}:${mtimeNs}`;
    } catch {
      return null;
    }
  }

  /** Puts an index in the place of one that was lost. */
  async writeIndex(channel: Channel, index: SnapshotIndex): Promise<void> {
    const directory = join(this.root, channel, index.snapshot);
    const temporary = join(directory, '.index');
    await writeFile(temporary, JSON.stringify(index), { flush: true });
    await rename(temporary, join(directory, INDEX_FILE));
    await syncDirectory(directory);
  }

  /** What stands in the tree of a snapshot, whatever its index says. */
  async treeFiles(channel: Channel, snapshot: string): Promise<TreeFile[]> {
    const tree = join(this.root, channel, snapshot, 'tree');
    const found: TreeFile[] = [];
    const look = async (folder: string): Promise<void> => {
      for (const name of await readdir(join(tree, folder))) {
        const path = folder === '' ? name : `${folder}/${name}`;
        const file = join(tree, path);
        // Shared folders stand elsewhere.
        const status = await stat(file);
        if (status.isDirectory()) await look(path);
        else found.push({ path, file, size: status.size });
      }
    };
    await look('');
    return found;
  }

  readFile(file: HeldFile): Promise<Buffer> {
    return readFile(this.blobs.pathOf(file.sha256));
  }

  /**
   * Makes the links of a snapshot that are not those of its contents: these were lost, and are there again. False when contents are
   * still missing.
   */
  async relink(channel: Channel, snapshot: string): Promise<boolean> {
    const { files } = await this.readIndex(channel, snapshot);
    const temporary = join(this.root, channel, snapshot, '.relink');
    // A backup may have passed over folders whose names begin with a dot.
    for (const [folder, own] of foldersOf(files))
      if (this.folders.suits(folder, own)) await this.folders.provide(own.files);
    let whole = true;
    for (const file of files) {
      const path = join(this.root, channel, snapshot, 'tree', file.path);
      const blob = await statOrNull(this.blobs.pathOf(file.sha256));
      if (blob === null) whole = false;
      if (blob === null || (await statOrNull(path))?.ino === blob.ino) continue;
      await rm(temporary, { force: true });
      await link(this.blobs.pathOf(file.sha256), temporary);
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    }
    return whole;
  }

  /** Remembers durably that trees lack contents: whoever brings these back may be interrupted before the trees are mended. */
  async noteDamage(): Promise<void> {
    await writeFile(join(this.root, DAMAGE_FILE), '', { flush: true });
    await syncDirectory(this.root);
  }

  async damageNoted(): Promise<boolean> {
    return (await statOrNull(join(this.root, DAMAGE_FILE))) !== null;
  }

  async forgetDamage(): Promise<void> {
    await rm(join(this.root, DAMAGE_FILE), { force: true });
  }

  /** Removes a file from the tree, but not from the index: its content turned out to be wrong. */
  async unlink(channel: Channel, snapshot: string, file: HeldFile): Promise<void> {
    await this.noteDamage();
    await rm(join(this.root, channel, snapshot, 'tree', file.path), { force: true });
  }

  /** Removes shared folders that no tree names any more. Only while the caller publishes alone. */
  async removeUnusedFolders(): Promise<void> {
    const needed = new Set<string>();
    for (const channel of CHANNELS)
      for (const snapshot of await this.snapshots(channel))
        for (const id of await this.sharedFolders(channel, snapshot)) needed.add(id);
    await this.folders.keepOnly(needed);
  }

  private async sharedFolders(channel: Channel, snapshot: string): Promise<string[]> {
    try {
      return JSON.parse(await readFile(join(this.root, channel, snapshot, FOLDERS_FILE), 'utf8')) as string[];
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fault;
    }
  }

  /** Takes a snapshot out of sight first, so that no half-removed one is ever served. */
  async remove(channel: Channel, snapshot: string): Promise<void> {
    const doomed = join(this.root, channel, STAGING + snapshot);
    try {
      await rename(join(this.root, channel, snapshot), doomed);
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw fault;
    }
    await unlink(join(doomed, INDEX_FILE)).catch(() => undefined);
    await rm(doomed, { recursive: true, force: true });
  }
}
