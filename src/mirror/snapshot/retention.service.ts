import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import type { RetentionSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { CHANNELS, type Channel } from './channel.js';
import { KnownContents } from './known-contents.js';
import type { PublishedDirectory } from './published-directory.js';
import type { ReleaseHolders } from './release-holders.js';
import { planRetention, type RetentionPlan, type SnapshotFacts } from './retention.js';
import type { RecordedRelease, RetentionRepository } from './retention.repository.js';
import { isIndexLost } from './snapshot-index.js';
import type { PublishListener, SnapshotPublisher } from './snapshot-publisher.js';

/** What goes (or went), and what stays. */
export interface RetentionReport {
  rules: RetentionSetting;
  snapshots: { id: string; createdAt: string }[];
  releases: Pick<RecordedRelease, 'id' | 'componentId' | 'version' | 'variant' | 'origin'>[];
  blobs: Amount;
  /** Parts of files that broke off, and that nobody came back for in a week. */
  partials: Amount;
  /** Why contents were left alone for now: `download-running`, `stopped`. */
  blobsSkipped: string | null;
  /** Kept, although its index is lost and nothing of it can be served; what its tree still has stays with it. */
  damaged: { snapshot: string; channel: Channel }[];
  kept: { snapshots: number; releases: number; blobs: Amount };
}

export interface Amount {
  count: number;
  bytes: number;
}

export interface RetentionRun {
  /** Whether somebody, on any node, is fetching what nothing refers to yet; then contents stay. */
  blobsInUse: () => Promise<boolean>;
  signal?: AbortSignal;
}

interface Survey {
  rules: RetentionSetting;
  snapshots: SnapshotFacts[];
  releases: RecordedRelease[];
  plan: RetentionPlan;
  /** Contents that nothing refers to once the plan is carried out, and that are not fresh. */
  garbage: Map<string, number>;
  keptBlobs: Amount;
  damaged: Rendered[];
  contents: KnownContents;
}

/** A snapshot's tree on the disk. */
interface Rendered {
  channel: Channel;
  id: string;
  inForce: boolean;
}

/** What stays, and needs its contents. */
interface Kept {
  snapshots: readonly Rendered[];
  releases: readonly RecordedRelease[];
}

/** Younger contents may belong to an upload or a download whose snapshot is not recorded yet. */
const FRESH_MS = 3_600_000;
/** Other nodes and content workers notice a removed snapshot within a second; then nobody opens its files any more. */
const SETTLE_MS = 1_500;

/**
 * Lets go of old snapshots, releases and contents (architecture §3.6). Snapshots go out of sight first, then their records, then the
 * contents that nothing refers to. A transfer under way keeps its file open and is not disturbed.
 */
export class RetentionService {
  constructor(
    private readonly deps: {
      settings: MirrorSettings;
      repository: RetentionRepository;
      directory: PublishedDirectory;
      publisher: SnapshotPublisher;
      blobs: BlobStore;
      listener: PublishListener;
      holders: ReleaseHolders;
      clock: Clock;
      logger: Logger;
    },
  ) {}

  /** What a run would remove now; changes nothing. */
  async preview(): Promise<RetentionReport> {
    const partials = await this.deps.blobs.partials.old();
    const contents = new KnownContents(this.deps.directory);
    return { ...this.report(await this.survey(contents), null), partials };
  }

  /**
   * Two steps, each alone among all nodes: snapshots and records, then contents.
   * @throws AppError `publishing-busy`, `retention-unsafe` and `snapshot-damaged` (nothing was removed then), kind `storage`.
   */
  async run(run: RetentionRun): Promise<RetentionReport> {
    const { publisher, clock, repository, directory, logger } = this.deps;
    const before = await publisher.exclusively(async () => {
      const survey = await this.survey(new KnownContents(directory, publisher));
      await this.removeRecords(survey);
      return survey;
    }, run.signal);
    const gone = before.snapshots.length > before.plan.snapshots.size;
    if (gone) await delay(SETTLE_MS, undefined, run.signal ? { signal: run.signal } : {}).catch(() => undefined);
    if (run.signal?.aborted) return { ...this.report(before, 'stopped'), blobs: { count: 0, bytes: 0 } };
    const report = await publisher.exclusively(async () => {
      await repository.forgetOldMemories(clock.now());
      if (await run.blobsInUse()) return { ...this.report(before, 'download-running'), blobs: { count: 0, bytes: 0 } };
      // Only the first step decides what goes: what was published since must not take away what that one has kept.
      const left = { snapshots: await this.onDisk(), releases: await repository.releases() };
      const { garbage } = await this.contentsBeside(left, await this.present(), before.contents);
      const partials = await this.deps.blobs.partials.removeOld();
      return { ...this.report(before, null), partials, blobs: await this.removeBlobs(garbage, run.signal) };
    }, run.signal);
    const { snapshots, releases, blobs, partials, damaged } = report;
    if (damaged.length > 0)
      logger.warn(
        { damaged },
        'the indexes of snapshots are lost, and nothing of these is served; what their trees have is kept with them',
      );
    if (snapshots.length + releases.length + blobs.count + partials.count > 0)
      logger.info(
        { snapshots: snapshots.length, releases: releases.length, ...blobs, partials },
        'retention removed what is no longer needed',
      );
    return report;
  }

  /**
   * Keeps a snapshot whatever its age, or lets it go with the others again.
   * @throws AppError `snapshot-unknown`.
   */
  async pin(id: string, pinned: boolean): Promise<void> {
    // A collection that is about to remove it ends first.
    const found = await this.deps.publisher.exclusively(() => this.deps.repository.setPinned(id, pinned));
    if (!found) throw new AppError('not-found', 'snapshot-unknown', { values: { id } });
  }

  private async survey(contents: KnownContents): Promise<Survey> {
    const { repository, holders, clock, settings } = this.deps;
    const rules = (await settings.distribution()).retention;
    const onDisk = await this.onDisk();
    const snapshots = await this.snapshotFacts(onDisk);
    const releases = await repository.releases();
    const held = new Set([...(await repository.pinnedReleases()), ...(await holders.ids())]);
    const present = await this.present();
    const facts = releases.map((release) => ({ ...release, complete: release.blobs.every((sha) => present.has(sha)) }));
    const plan = planRetention({ now: clock.now(), rules, snapshots, releases: facts, held });
    const kept = {
      snapshots: onDisk.filter(({ id }) => plan.snapshots.has(id)),
      releases: releases.filter(({ id }) => plan.releases.has(id)),
    };
    return { rules, snapshots, releases, plan, contents, ...(await this.contentsBeside(kept, present, contents)) };
  }

  private async present(): Promise<Set<string>> {
    const present = new Set<string>();
    for await (const sha256 of this.deps.blobs.list()) present.add(sha256);
    return present;
  }

  /** What of the contents nothing refers to that is kept. */
  private async contentsBeside(
    kept: Kept,
    present: ReadonlySet<string>,
    contents: KnownContents,
  ): Promise<Pick<Survey, 'garbage' | 'keptBlobs' | 'damaged'>> {
    const { needed, damaged } = await this.references(kept, contents);
    const garbage = new Map<string, number>();
    const keptBlobs = { count: 0, bytes: 0 };
    for (const [sha256, { size, ageMs, links }] of await this.deps.blobs.factsOf(present)) {
      // What a damaged snapshot needs stands in its tree.
      const isNeeded = needed.has(sha256) || (damaged.length > 0 && links > 0);
      if (!isNeeded && ageMs >= FRESH_MS) garbage.set(sha256, size);
      else {
        keptBlobs.count += 1;
        keptBlobs.bytes += size;
      }
    }
    return { garbage, keptBlobs, damaged };
  }

  private async onDisk(): Promise<Rendered[]> {
    const { directory, publisher } = this.deps;
    const rendered: Rendered[] = [];
    for (const channel of CHANNELS) {
      const current = await publisher.states.inForce(channel);
      const ids = new Set(await directory.snapshots(channel));
      // Also where only the pointer to it is left.
      if (current !== null) ids.add(current);
      for (const id of ids) rendered.push({ channel, id, inForce: id === current });
    }
    return rendered;
  }

  /** All that the database or the disk knows; a snapshot of which only the disk knows is of a time before a restored backup. */
  private async snapshotFacts(onDisk: readonly Rendered[]): Promise<SnapshotFacts[]> {
    const { repository, directory } = this.deps;
    const inForce = new Set(onDisk.flatMap((each) => (each.inForce ? [each.id] : [])));
    const recorded = new Map((await repository.snapshots()).map((each) => [each.id, each]));
    if (inForce.size === 0 && recorded.size > 0)
      throw new AppError('storage', 'retention-unsafe', { details: { recorded: recorded.size } });
    const facts = [...recorded.values()].map((each) => ({ ...each, inForce: inForce.has(each.id) }));
    const ids = new Map(onDisk.map(({ channel, id }) => [id, channel]));
    for (const [id, channel] of ids) {
      if (recorded.has(id)) continue;
      const createdAt = await directory.readIndex(channel, id).then(
        (index) => new Date(index.publishedAt),
        (fault: unknown) => {
          // An index that is not there or makes no sense serves nobody: unless it is in force, the snapshot goes at once.
          const error = toAppError(fault);
          if (isIndexLost(error)) return new Date(0);
          throw error;
        },
      );
      facts.push({ id, createdAt, pinned: false, inForce: inForce.has(id), releases: new Set() });
    }
    return facts;
  }

  /** Contents that are needed by what is kept, and snapshots of which nobody knows what they need. */
  private async references(
    { snapshots, releases }: Kept,
    contents: KnownContents,
  ): Promise<{ needed: Set<string>; damaged: Rendered[] }> {
    const needed = new Set(await this.deps.repository.upstreamManifests());
    const damaged: Rendered[] = [];
    for (const release of releases) for (const sha256 of release.blobs) needed.add(sha256);
    for (const snapshot of snapshots) {
      const { channel, id, inForce } = snapshot;
      try {
        for (const sha256 of await contents.of(channel, id)) needed.add(sha256);
      } catch (cause) {
        if (inForce || !isIndexLost(toAppError(cause)))
          throw new AppError('storage', 'snapshot-damaged.index', { details: { snapshot: id, channel }, cause });
        damaged.push(snapshot);
      }
    }
    return { needed, damaged };
  }

  private async removeRecords(survey: Survey): Promise<void> {
    const { directory, listener, repository, logger } = this.deps;
    const snapshots = survey.snapshots.filter(({ id }) => !survey.plan.snapshots.has(id)).map(({ id }) => id);
    const releases = survey.releases.filter(({ id }) => !survey.plan.releases.has(id)).map(({ id }) => id);
    for (const id of snapshots) for (const channel of CHANNELS) await directory.remove(channel, id);
    if (snapshots.length > 0) await listener.refresh();
    // They only take names on the disk, and the next collection tries again.
    await directory.removeUnusedFolders().catch((err: unknown) => {
      logger.warn({ err }, 'folders that no tree names any more could not be removed');
    });
    if (snapshots.length + releases.length > 0) await repository.remove(snapshots, releases);
  }

  private async removeBlobs(garbage: ReadonlyMap<string, number>, signal: AbortSignal | undefined): Promise<Amount> {
    const { blobs, repository } = this.deps;
    const removed = { count: 0, bytes: 0 };
    await repository.forgetContents([...garbage.keys()]);
    for (const [sha256, size] of garbage) {
      if (signal?.aborted) break;
      // Somebody may have come to want it since it was looked at.
      if (!(await blobs.remove(sha256, FRESH_MS))) continue;
      removed.count += 1;
      removed.bytes += size;
    }
    return removed;
  }

  private report(survey: Survey, blobsSkipped: string | null): RetentionReport {
    const { rules, snapshots, releases, plan, garbage, keptBlobs, damaged } = survey;
    return {
      rules,
      snapshots: snapshots
        .filter(({ id }) => !plan.snapshots.has(id))
        .map(({ id, createdAt }) => ({ id, createdAt: createdAt.toISOString() })),
      releases: releases
        .filter(({ id }) => !plan.releases.has(id))
        .map(({ id, componentId, version, variant, origin }) => ({ id, componentId, version, variant, origin })),
      blobs: { count: garbage.size, bytes: [...garbage.values()].reduce((sum, size) => sum + size, 0) },
      partials: { count: 0, bytes: 0 },
      blobsSkipped,
      damaged: damaged.map(({ id: snapshot, channel }) => ({ snapshot, channel })),
      kept: { snapshots: plan.snapshots.size, releases: plan.releases.size, blobs: keptBlobs },
    };
  }
}
