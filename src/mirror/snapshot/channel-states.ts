import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { Manifest } from '../manifest/manifest.js';
import type { BlobStore } from '../store/blob-store.js';
import type { Channel } from './channel.js';
import { fileMap, MANIFEST_PATH, type HeldFile, type SnapshotIndex } from './held-file.js';
import type { HeldTree } from './mirror-plan.js';
import type { PublishedDirectory } from './published-directory.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import { timeOfSnapshot } from './snapshot-id.js';
import { isIndexLost } from './snapshot-index.js';

/** What a channel has in force. */
export interface ChannelState {
  snapshotId: string | null;
  publishedAt: Date | null;
  /** Null before the first snapshot, and when its manifest or its index is lost. */
  held: HeldTree | null;
  /** The manifest in force, or the index that tells it, cannot be read: only a download can make the tree anew. */
  manifestLost: boolean;
  /** Component → release; empty for a snapshot that this database does not know (it was restored from an older backup). */
  releases: Map<string, string>;
}

/** A tree as it was read last, or came into force here. */
interface KnownTree {
  snapshotId: string;
  publishedAt: Date;
  manifest: HeldFile;
  held: HeldTree;
  /** Of the file of its index: tells whether that is still the same. */
  identity: string | null;
}

/** Reads what the channels have in force: the disk's word for the trees, the database's for their releases. */
export class ChannelStates {
  private readonly parsed = new Map<Channel, KnownTree>();

  constructor(
    private readonly snapshots: SnapshotRepository,
    private readonly directory: PublishedDirectory,
    private readonly blobs: BlobStore,
  ) {}

  /** Id of the snapshot that a channel serves. */
  inForce(channel: Channel): Promise<string | null> {
    return this.directory.current(channel);
  }

  /**
   * What is in force, as a base for a decision of a person.
   * @throws AppError `manifest-lost`.
   */
  async current(channel: Channel): Promise<ChannelState> {
    const state = await this.currentOrLost(channel);
    if (!state.manifestLost) return state;
    throw new AppError('storage', 'manifest-lost', { details: { channel, snapshot: state.snapshotId } });
  }

  /** The same for somebody who can make the manifest anew. */
  async currentOrLost(channel: Channel): Promise<ChannelState> {
    const snapshotId = await this.directory.current(channel);
    const nothing = {
      snapshotId,
      publishedAt: null,
      held: null,
      manifestLost: false,
      releases: new Map<string, string>(),
    };
    if (snapshotId === null) return nothing;
    const { publishedAt, held } = await this.readTree(channel, snapshotId);
    return {
      snapshotId,
      publishedAt,
      held,
      manifestLost: held === null,
      releases: await this.snapshots.releases(snapshotId, channel),
    };
  }

  /** Told what has just come into force, so that the next to ask need not read it from the disk. */
  async cameIntoForce(channel: Channel, snapshotId: string, publishedAt: Date, held: HeldTree): Promise<void> {
    const manifest = held.files.get(MANIFEST_PATH);
    if (manifest === undefined) return;
    const identity = await this.directory.indexIdentity(channel, snapshotId);
    this.parsed.set(channel, { snapshotId, publishedAt, manifest, held, identity });
  }

  /** A snapshot never changes: the last one of each channel is not parsed again, only its manifest and its index are looked for. */
  private async readTree(channel: Channel, snapshotId: string): Promise<Pick<ChannelState, 'held' | 'publishedAt'>> {
    const identity = await this.directory.indexIdentity(channel, snapshotId);
    const known = this.known(channel, snapshotId, identity);
    if (known !== null && (await this.blobs.size(known.manifest.sha256)) === known.manifest.size) return known;
    const index = await this.readIndex(channel, snapshotId);
    if (index === null) return { publishedAt: timeOfSnapshot(snapshotId), held: null };
    const files = fileMap(index.files);
    const manifest = files.get(MANIFEST_PATH);
    if (manifest === undefined) return { publishedAt: timeOfSnapshot(snapshotId), held: null };
    const publishedAt = new Date(index.publishedAt);
    if ((await this.blobs.size(manifest.sha256)) !== manifest.size) return { publishedAt, held: null };
    const held = { manifest: Manifest.parse(await this.directory.readFile(manifest)), files };
    this.parsed.set(channel, { snapshotId, publishedAt, manifest, held, identity });
    return { publishedAt, held };
  }

  /** What was read of it when its index was whole, to make that anew from; null when this process has never read it. */
  indexInMemory(channel: Channel, snapshot: string): SnapshotIndex | null {
    const known = this.parsed.get(channel);
    if (known?.snapshotId !== snapshot) return null;
    const { publishedAt, held } = known;
    return { version: 1, snapshot, channel, publishedAt: publishedAt.toISOString(), files: [...held.files.values()] };
  }

  /** Whether the index of what a channel has in force is lost. */
  async isIndexLost(channel: Channel): Promise<boolean> {
    const snapshotId = await this.directory.current(channel);
    if (snapshotId === null) return false;
    const identity = await this.directory.indexIdentity(channel, snapshotId);
    if (this.known(channel, snapshotId, identity) !== null) return false;
    return (await this.readIndex(channel, snapshotId)) === null;
  }

  private known(channel: Channel, snapshotId: string, identity: string | null): KnownTree | null {
    const known = this.parsed.get(channel);
    return known?.snapshotId === snapshotId && identity !== null && known.identity === identity ? known : null;
  }

  /** Null when it is lost. */
  private async readIndex(channel: Channel, snapshotId: string): Promise<SnapshotIndex | null> {
    try {
      return await this.directory.readIndex(channel, snapshotId);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (!isIndexLost(error)) throw error;
      return null;
    }
  }
}
