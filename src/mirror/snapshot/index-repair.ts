import { AppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { hashesOf } from '../store/blob-hashes.js';
import type { BlobStore } from '../store/blob-store.js';
import type { Channel } from './channel.js';
import { MANIFEST_PATH, type HeldFile } from './held-file.js';
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
   * False when its tree is not what the database says of it. The dates of the files are gone with the index: all have that of the
   * snapshot, as an earlier one could hide from a product that a file has changed. Only while the caller publishes alone.
   */
  async mend(channel: Channel, snapshot: string): Promise<boolean> {
    const log = { channel, snapshot };
    try {
      const recorded = await this.snapshots.recordedTree(snapshot, channel);
      const files = recorded === null ? null : await this.filesOf(channel, snapshot, recorded);
      if (recorded === null || files === null) {
        this.logger.error(
          log,
          'the index of the snapshot in force is lost, and its tree is not what is recorded of it: the next download makes both anew',
        );
        return false;
      }
      const publishedAt = recorded.createdAt.toISOString();
      await this.directory.writeIndex(channel, { version: 1, snapshot, channel, publishedAt, files });
      this.logger.warn(log, 'the index of the snapshot in force was lost; it was made anew from its tree');
      return true;
    } catch (err) {
      this.logger.error(
        { ...log, err },
        'the index of the snapshot in force is lost, and its tree cannot be looked through: the next download makes both anew',
      );
      return false;
    }
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
