import { AppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { hashesOf } from '../store/blob-hashes.js';
import type { BlobStore } from '../store/blob-store.js';
import type { Channel } from './channel.js';
import { fileMap, MANIFEST_PATH, type FileMap, type HeldFile, type SnapshotIndex } from './held-file.js';
import { notBackInTime } from './modification-times.js';
import type { PublishedDirectory, TreeFile } from './published-directory.js';
import type { RecordedTree, SnapshotRepository } from './snapshot.repository.js';

/** Makes the lost index of a snapshot anew. */
export class IndexRepair {
  constructor(
    private readonly snapshots: SnapshotRepository,
    private readonly directory: PublishedDirectory,
    private readonly blobs: BlobStore,
    private readonly logger: Logger,
  ) {}

  /**
   * From what is known of it, else from its tree; false when that is not what the database says of it. Only while the caller publishes
   * alone.
   */
  async mend(channel: Channel, snapshot: string, known: SnapshotIndex | null): Promise<boolean> {
    const log = { channel, snapshot };
    try {
      const index = known ?? (await this.fromTree(channel, snapshot));
      if (index === null) {
        this.logger.warn(log, 'the index of a snapshot is lost, and its tree is not what is recorded of it');
        return false;
      }
      await this.directory.writeIndex(channel, index);
      this.logger.warn(log, `the index of a snapshot was lost; it was made anew from ${known ? 'memory' : 'its tree'}`);
      return true;
    } catch (err) {
      this.logger.warn({ ...log, err }, 'the index of a snapshot is lost, and could not be made anew');
      return false;
    }
  }

  /**
   * The dates of the files are gone with the index: all have that of the snapshot, or a later one that an earlier snapshot had told, as an
   * earlier one could hide from a product that a file has changed.
   */
  private async fromTree(channel: Channel, snapshot: string): Promise<SnapshotIndex | null> {
    const recorded = await this.snapshots.recordedTree(snapshot, channel);
    const files = recorded === null ? null : await this.filesOf(channel, snapshot, recorded);
    if (recorded === null || files === null) return null;
    const { createdAt } = recorded;
    const dated = notBackInTime(files, await this.filesBefore(channel, snapshot), createdAt);
    return { version: 1, snapshot, channel, publishedAt: createdAt.toISOString(), files: dated };
  }

  /** Of the newest snapshot before it that can be read. */
  private async filesBefore(channel: Channel, snapshot: string): Promise<FileMap> {
    const earlier = (await this.directory.snapshots(channel)).filter((id) => id < snapshot).sort();
    for (const id of earlier.reverse()) {
      const index = await this.directory.readIndex(channel, id).catch(() => null);
      if (index !== null) return fileMap(index.files);
    }
    return new Map();
  }

  private async filesOf(channel: Channel, snapshot: string, recorded: RecordedTree): Promise<HeldFile[] | null> {
    const found = await this.directory.treeFiles(channel, snapshot);
    // Before anything is read.
    const bytes = found.reduce((sum, { size }) => sum + size, 0);
    if (found.length !== recorded.fileCount || bytes !== recorded.totalBytes) return null;
    const files: HeldFile[] = [];
    for (const file of found) files.push(await this.held(file, recorded));
    const manifest = files.find(({ path }) => path === MANIFEST_PATH);
    if (manifest?.sha256 !== recorded.manifestSha256) return null;
    return [manifest, ...files.filter((file) => file !== manifest)];
  }

  private async held({ path, file, size }: TreeFile, recorded: RecordedTree): Promise<HeldFile> {
    const { sha256 } = await hashesOf(file, ['sha256'], this.blobs.slabs);
    if ((await this.blobs.size(sha256)) !== size)
      throw new AppError('storage', 'blob-missing.in-tree', { details: { path } });
    const component = recorded.components.get(path.toLowerCase()) ?? null;
    return { path, sha256, size, mtime: recorded.createdAt.toISOString(), component };
  }
}
