import type { DataSource, EntityManager } from 'typeorm';
import { AppError } from '../../platform/errors/app-error.js';
import type { Clock } from '../../platform/clock/clock.js';
import type { Logger } from '../../platform/logging/logger.js';
import { allOver } from '../../platform/promises/all-over.js';
import { inTransaction } from '../../database/transaction.js';
import type { Manifest } from '../manifest/manifest.js';
import type { BlobStore } from '../store/blob-store.js';
import { CHANNELS, type Channel } from './channel.js';
import { ChannelStates, type ChannelState } from './channel-states.js';
import type { ComposedChannel } from './channel-composer.js';
import { fileMap, MANIFEST_PATH, type FileMap, type HeldFile } from './held-file.js';
import { IndexRepair } from './index-repair.js';
import { notBackInTime } from './modification-times.js';
import type { PublishedDirectory } from './published-directory.js';
import { PublishingLock } from './publishing-lock.js';
import { newSnapshotId } from './snapshot-id.js';
import type { SnapshotRepository } from './snapshot.repository.js';

export interface PublishRequest {
  trees: Record<Channel, ComposedChannel>;
  /** Publishes although every file stays as it is: what belongs to which component has changed. */
  evenIfSame?: boolean;
  reason: string;
  downloadId: string | null;
  actor: string;
  /**
   * Runs in the transaction that records the snapshot: names the release of each component, and writes what belongs to it.
   * `at` is the snapshot's time, later than that of every one before it, whatever the clock says. Once it is committed the
   * snapshot comes into force, be it after a crash.
   */
  record: (manager: EntityManager, at: Date, snapshotId: string) => Promise<Record<Channel, Map<string, string>>>;
}

/** Told when the pointers have moved, so that the change is served before the caller goes on. */
export abstract class PublishListener {
  abstract refresh(): Promise<void>;
}

/** Steps at which a test may cut the power. */
export type PublishStep = 'composed' | 'staged' | 'recorded' | 'flipped-one' | 'flipped' | 'marked';

/** Called at each step of a publication. */
export abstract class PublishSteps {
  abstract reached(step: PublishStep): void | Promise<void>;
}

export const noSteps: PublishSteps = { reached: () => undefined };

interface CompleteTree {
  channel: Channel;
  /** The manifest first. */
  files: HeldFile[];
  manifest: Manifest;
  manifestSha256: string;
}

/** The clock's time, unless it was set back: order of snapshots is order of publication. */
function timeAfter(states: readonly ChannelState[], now: Date): Date {
  const last = Math.max(...states.map((state) => state.publishedAt?.getTime() ?? 0));
  return new Date(Math.max(now.getTime(), last + 1));
}

/** Turns composed trees into a snapshot in force: stage, record, flip, mark (architecture §3). One at a time on all nodes. */
export class SnapshotPublisher {
  readonly states: ChannelStates;
  private readonly lock: PublishingLock;
  private readonly indexes: IndexRepair;

  constructor(
    private readonly dataSource: DataSource,
    private readonly snapshots: SnapshotRepository,
    private readonly directory: PublishedDirectory,
    private readonly blobs: BlobStore,
    private readonly listener: PublishListener,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly steps: PublishSteps = noSteps,
  ) {
    this.states = new ChannelStates(snapshots, directory, blobs);
    this.lock = new PublishingLock(dataSource);
    this.indexes = new IndexRepair(snapshots, directory, blobs, logger);
  }

  /**
   * Runs work that decides on and publishes a snapshot, alone among all nodes; first finishes what a crash left.
   * @param signal calls off the wait for it, not the work
   * @throws AppError `publishing-busy` when another node holds the lock for a minute; `cancelled`; `server-stopping`.
   */
  exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.lock.hold(async () => {
      await this.recover();
      return work();
    }, signal);
  }

  /** Ends all waits; what is being published comes to its end. */
  stop(): void {
    this.lock.stop();
  }

  /**
   * Rolls a snapshot forward that was recorded but not put into force; clears leftovers of older crashes; makes a lost index of what
   * is in force anew, where that can be done.
   */
  private async recover(): Promise<void> {
    await this.lock.recordsEnded();
    const prepared = await this.snapshots.prepared();
    if (prepared !== null) {
      const staged = await Promise.all(
        CHANNELS.map(async (channel) => (await this.directory.snapshots(channel)).includes(prepared)),
      );
      if (staged.every(Boolean)) {
        this.logger.warn(
          { snapshot: prepared },
          'a publication was interrupted after it was recorded; putting it into force now',
        );
        await this.putIntoForce(prepared);
      }
    }
    await this.snapshots.discardPrepared();
    const recorded = await this.snapshots.ids();
    for (const channel of CHANNELS) await this.directory.sweep(channel, (id) => recorded.has(id));
    await this.mendIndexes();
  }

  private async mendIndexes(): Promise<void> {
    for (const channel of CHANNELS) {
      const current = await this.directory.current(channel);
      if (current === null || !(await this.states.isIndexLost(channel))) continue;
      if (await this.mendIndex(channel, current)) continue;
      const log = { channel, snapshot: current };
      this.logger.error(
        log,
        'the index of the snapshot in force is lost: the next download makes it and its tree anew',
      );
    }
  }

  /** Makes the lost index of a snapshot anew; false when that cannot be done. Call inside `exclusively`. */
  async mendIndex(channel: Channel, snapshot: string): Promise<boolean> {
    const mended = await this.indexes.mend(channel, snapshot, this.states.indexInMemory(channel, snapshot));
    if (mended) await this.listener.refresh();
    return mended;
  }

  /** Publishes, unless every channel would stay as it is (then null) and nothing else is wanted. Call inside `exclusively`. */
  async publish(request: PublishRequest): Promise<string | null> {
    const states = await Promise.all(CHANNELS.map((channel) => this.states.currentOrLost(channel)));
    const now = timeAfter(states, this.clock.now());
    const trees = await Promise.all(
      CHANNELS.map((channel, at) => this.complete(channel, request.trees[channel], states[at]?.held?.files, now)),
    );
    const same = trees.every((tree, at) => sameTree(tree.files, [...(states[at]?.held?.files.values() ?? [])]));
    if (same && !request.evenIfSame) return null;
    const id = newSnapshotId(now);
    await this.steps.reached('composed');
    const news = newBlobs(trees, states);
    // With a manifest that is lost nobody knows what of the tree was lost before.
    if (states.every((state) => !state.manifestLost)) await this.blobs.requireHeld(news);
    // Not side by side: a slow disk would hold the transaction open, and with it the download's row, for minutes.
    await this.stage(id, trees, news, now);
    await inTransaction(this.dataSource, (manager) => this.record(manager, id, trees, request, now));
    await this.steps.reached('recorded');
    await this.putIntoForce(id);
    for (const { channel, files, manifest } of trees)
      await this.states.cameIntoForce(channel, id, now, { manifest, files: fileMap(files) });
    return id;
  }

  /** Puts contents that were lost, and are there again, back into every tree. Call inside `exclusively`. */
  async relink(): Promise<void> {
    let whole = true;
    for (const channel of CHANNELS) {
      const current = await this.directory.current(channel);
      for (const snapshot of await this.directory.snapshots(channel)) {
        const mended = await this.directory.relink(channel, snapshot).catch((err: unknown) => {
          this.logger.warn({ channel, snapshot, err }, 'the tree of a snapshot could not be mended');
          return false;
        });
        // What only earlier snapshots lack may never come back.
        if (snapshot === current && !mended) whole = false;
      }
    }
    if (whole) await this.directory.forgetDamage();
  }

  /** Remembers, also over a crash, that trees lack contents. */
  async noteDamage(): Promise<void> {
    await this.directory.noteDamage().catch((err: unknown) => {
      this.logger.warn({ err }, 'it could not be noted that published trees lack contents');
    });
  }

  damageNoted(): Promise<boolean> {
    return this.directory.damageNoted();
  }

  /** Mends the trees, if something was noted. Call inside `exclusively`. */
  async mend(): Promise<void> {
    if (await this.directory.damageNoted()) await this.relink();
  }

  /** A transaction for what is decided without a change of the trees. */
  alone(work: (manager: EntityManager) => Promise<void>): Promise<void> {
    return inTransaction(this.dataSource, work);
  }

  private async putIntoForce(id: string): Promise<void> {
    for (const channel of CHANNELS)
      if (!(await this.directory.snapshots(channel)).includes(id))
        throw new AppError('storage', 'snapshot-missing', {
          details: { channel, snapshot: id },
        });
    for (const channel of CHANNELS) {
      const current = await this.directory.current(channel);
      // Where our lock was lost another node has put it into force, and has gone on since: ids are in the order of publication.
      if (current === null || current <= id) await this.directory.flip(channel, id);
      await this.steps.reached(channel === CHANNELS[0] ? 'flipped-one' : 'flipped');
    }
    await this.snapshots.markPublished(id, this.clock.now());
    await this.steps.reached('marked');
    await this.listener.refresh();
    this.logger.info({ snapshot: id }, 'snapshot published');
  }

  /** Everything that the snapshot consists of, on the disk for good. */
  private async stage(id: string, trees: readonly CompleteTree[], news: ReadonlySet<string>, now: Date): Promise<void> {
    const publishedAt = now.toISOString();
    const staged = trees.map(({ channel, files }) =>
      this.directory.stage(channel, { version: 1, snapshot: id, channel, publishedAt, files }),
    );
    // What went on behind a failure would go on without the lock.
    await allOver([this.blobs.settle(news), ...staged]);
    await this.steps.reached('staged');
  }

  private async record(
    manager: EntityManager,
    id: string,
    trees: readonly CompleteTree[],
    request: PublishRequest,
    now: Date,
  ): Promise<void> {
    await this.lock.requireHeld(manager);
    const releases = await request.record(manager, now, id);
    const { reason, downloadId, actor } = request;
    const channels = trees.map(({ channel, manifestSha256, files }) => ({
      channel,
      manifestSha256,
      fileCount: files.length,
      totalBytes: files.reduce((sum, file) => sum + file.size, 0),
      releases: releases[channel],
    }));
    await this.snapshots.insert(manager, { id, reason, downloadId, createdBy: actor, channels }, now);
  }

  private async complete(
    channel: Channel,
    tree: ComposedChannel,
    held: FileMap | undefined,
    now: Date,
  ): Promise<CompleteTree> {
    const blob = await this.blobs.write([tree.manifest], { maxBytes: tree.manifest.length });
    const manifest: HeldFile = {
      path: MANIFEST_PATH,
      sha256: blob.sha256,
      size: blob.size,
      mtime: now.toISOString(),
      component: null,
    };
    const files = [...tree.files.values()].filter((file) => file.path !== MANIFEST_PATH);
    const all = held === undefined ? [manifest, ...files] : notBackInTime([manifest, ...files], held, now);
    return { channel, files: all, manifest: tree.parsed, manifestSha256: blob.sha256 };
  }
}

/** What no snapshot in force has: perhaps stored just now, by this node or another. */
function newBlobs(trees: readonly { files: HeldFile[] }[], states: readonly ChannelState[]): Set<string> {
  const held = new Set(states.flatMap((state) => [...(state.held?.files.values() ?? [])].map((file) => file.sha256)));
  return new Set(trees.flatMap((tree) => tree.files.map((file) => file.sha256)).filter((sha256) => !held.has(sha256)));
}

function sameTree(next: readonly HeldFile[], held: readonly HeldFile[]): boolean {
  if (next.length !== held.length) return false;
  const known = new Map(held.map((file) => [file.path, file.sha256]));
  return next.every((file) => known.get(file.path) === file.sha256);
}
