import { createHash } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import type { EntityManager } from 'typeorm';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { componentOfUnit, type CatalogueRepository } from '../catalogue/catalogue.repository.js';
import type { Component } from '../catalogue/component.entity.js';
import { compareVersions } from '../manifest/version.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import type { UpstreamSource } from '../upstream/source.js';
import { CHANNELS, type Channel } from './channel.js';
import { outcomesOf, type ComponentOutcome } from './component-outcome.js';
import { loadHolds, type Holds } from './hold.repository.js';
import { leadingUnit, type PlanInput } from './mirror-plan.js';
import { mirrorRun, type MirrorRunResult, type RunProgress } from './mirror-run.js';
import type { ReleaseRepository } from './release.repository.js';
import type { ChannelState, SnapshotPublisher } from './snapshot-publisher.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import {
  buildTrees,
  recordReleases,
  versionOfDraft,
  type BuildInput,
  type Hold,
  type ReadTree,
} from './tree-builder.js';
import type { UpstreamMemory, UpstreamState } from './upstream-memory.js';
import type { SourceOpener } from './source-opener.js';

/** Left free on the disk whatever happens: the database and the logs need room too. */
const RESERVED_BYTES = 64 * 1024 * 1024;

/** Faults of a whole source after which the next one may be asked. */
const ENDS_ALL = new Set(['storage', 'internal', 'conflict']);

export interface MirrorOrder {
  /** Component ids that a person named; null: all that the run may update. */
  requested: string[] | null;
  /** Whether an unnamed component takes part: scheduled, licensed … */
  takesPart: (component: Component) => boolean;
  /** Something is not known although nothing may have changed: do not stop at "not modified". */
  thorough: boolean;
  downloadId: string;
  actor: string;
  signal: AbortSignal;
  progress: RunProgress & { source(url: string): void; publishing(): void };
  /** A cool-down holds back the schedule, never a person. */
  respectCoolDown: boolean;
}

export interface MirrorOutcome {
  state: 'unchanged' | 'read';
  /** Null when nothing new was published. */
  snapshotId: string | null;
  sourceUrl: string;
  outcomes: ComponentOutcome[];
}

interface Context {
  order: MirrorOrder;
  setting: UpdateSourceSetting;
  components: Component[];
  units: Map<string, string>;
  states: Record<Channel, ChannelState>;
  holds: Holds;
  fingerprint: string;
}

interface SourceRead {
  source: string;
  url: string;
  result: MirrorRunResult;
}

/** Brings the mirror up to date with its source, and publishes what has changed. */
export class MirrorService {
  constructor(
    private readonly deps: {
      dataDir: string;
      blobs: BlobStore;
      catalogue: CatalogueRepository;
      settings: MirrorSettings;
      memory: UpstreamMemory;
      releases: ReleaseRepository;
      snapshots: SnapshotRepository;
      publisher: SnapshotPublisher;
      sources: SourceOpener;
      clock: Clock;
      logger: Logger;
    },
  ) {}

  /**
   * @throws AppError kind `upstream` (of the last source that was asked), `upstream-cooling-down`, kind `storage`, `cancelled`.
   */
  async mirror(order: MirrorOrder): Promise<MirrorOutcome> {
    const context = await this.context(order);
    const global = await this.readFirst(context, context.setting.sources, 'global');
    const ownJapan = context.setting.japanSources.length > 0;
    const japan = ownJapan ? await this.readFirst(context, context.setting.japanSources, 'japan') : null;
    if (global.result.state === 'unchanged' && (japan === null || japan.result.state === 'unchanged'))
      return { state: 'unchanged', snapshotId: null, sourceUrl: global.url, outcomes: [] };
    order.progress.publishing();
    const published = await this.deps.publisher.exclusively(() => this.publish(context, global, japan));
    for (const read of [global, japan]) if (read !== null) await this.rememberRead(context, read);
    return published;
  }

  private async context(order: MirrorOrder): Promise<Context> {
    const { publisher, catalogue, settings, releases, snapshots } = this.deps;
    const setting = await settings.updateSource();
    const components = await catalogue.list();
    const states = { global: await publisher.current('global'), japan: await publisher.current('japan') };
    const holds = await loadHolds(releases, snapshots, states, components);
    const units = componentOfUnit(components);
    const basis = [
      setting.sources,
      setting.japanSources,
      setting.selection,
      [...units],
      components.map((c) => c.variants),
    ];
    const fingerprint = createHash('sha256').update(JSON.stringify(basis)).digest('hex');
    return { order, setting, components, units, states, holds, fingerprint };
  }

  /** Asks the sources in their order; the first that can be read wins. */
  private async readFirst(context: Context, sources: { url: string }[], channel: Channel): Promise<SourceRead> {
    let last: AppError | null = null;
    for (const { url } of sources) {
      const source = await this.deps.sources.open(url, context.setting);
      try {
        context.order.progress.source(source.url);
        return { source: url, url: source.url, result: await this.read(context, source, url, channel) };
      } catch (thrown) {
        last = toAppError(thrown);
        if (ENDS_ALL.has(last.kind) && last.code !== 'upstream-cooling-down') throw last;
        this.deps.logger.warn({ source: source.url, code: last.code, details: last.details }, last.message);
      } finally {
        await source.close();
      }
    }
    throw last ?? new AppError('conflict', 'no-source', 'No update source is configured.');
  }

  private async read(
    context: Context,
    source: UpstreamSource,
    key: string,
    channel: Channel,
  ): Promise<MirrorRunResult> {
    const { memory, clock, blobs } = this.deps;
    const state = await memory.state(key);
    this.requireWarm(context, state, source.url);
    const remembered = await memory.files(key);
    const learnt = new Set<string>();
    const held = context.states[channel].held;
    try {
      const result = await mirrorRun({
        source,
        blobs,
        remembered,
        learnt,
        validators: validatorsOf(state),
        settled:
          state.complete && state.planFingerprint === context.fingerprint && held !== null && !context.order.thorough,
        lastManifest: await this.lastManifest(state),
        plan: this.plan(context, channel),
        held,
        parallel: context.setting.parallel,
        freeBytes: () => this.freeBytes(),
        now: clock.now(),
        signal: context.order.signal,
        progress: context.order.progress,
        logger: this.deps.logger,
      });
      await memory.answered(key);
      return result;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.kind === 'upstream')
        await memory.failed(
          key,
          { code: error.code, message: error.message },
          coolDown(error, clock.now()),
          clock.now(),
        );
      throw error;
    } finally {
      await memory.rememberFiles(
        key,
        [...learnt].map((path) => remembered.get(path)).filter((file) => file !== undefined),
        clock.now(),
      );
    }
  }

  private requireWarm(context: Context, state: UpstreamState, url: string): void {
    const now = this.deps.clock.now();
    if (!context.order.respectCoolDown || state.coolDownUntil === null || state.coolDownUntil <= now) return;
    throw new AppError(
      'conflict',
      'upstream-cooling-down',
      `The source asked for a pause until ${state.coolDownUntil.toISOString()}.`,
      {
        details: { url, until: state.coolDownUntil.toISOString(), reason: state.coolDownReason },
      },
    );
  }

  private plan(context: Context, channel: Channel): Omit<PlanInput, 'upstream' | 'held'> {
    const { order, components, holds, units, setting } = context;
    const byId = new Map(components.map((component) => [component.id, component]));
    return {
      componentOfUnit: units,
      selection: setting.selection,
      mayUpdate: (componentId, offered) => {
        if (componentId === null) return order.requested === null;
        const component = byId.get(componentId);
        if (component === undefined) return false;
        const named = order.requested?.includes(componentId) ?? false;
        if (order.requested !== null ? !named : !order.takesPart(component)) return false;
        if (!named && CHANNELS.every((each) => holds.pinned[each].has(componentId))) return false;
        const uploaded = holds.uploaded[channel].get(componentId);
        const version = leadingUnit(component.entries, offered)?.version ?? null;
        return (
          uploaded === undefined ||
          version === null ||
          compareVersions(version, uploaded.release.version, component.numbering) > 0
        );
      },
    };
  }

  private async lastManifest(state: UpstreamState): Promise<Buffer | null> {
    if (state.manifestSha256 === null || !(await this.deps.blobs.has(state.manifestSha256))) return null;
    return readFile(this.deps.blobs.pathOf(state.manifestSha256));
  }

  private async freeBytes(): Promise<number> {
    const disk = await statfs(this.deps.dataDir);
    return Math.max(0, disk.bavail * disk.bsize - RESERVED_BYTES);
  }

  /** Inside the publishing lock: decisions are taken on what is in force now, not on what was when the run began. */
  private async publish(context: Context, global: SourceRead, japan: SourceRead | null): Promise<MirrorOutcome> {
    const { publisher, releases, snapshots, clock } = this.deps;
    const states = { global: await publisher.current('global'), japan: await publisher.current('japan') };
    const holds = await loadHolds(releases, snapshots, states, context.components);
    const read = toReadTree(global);
    const build: BuildInput = {
      components: context.components,
      states,
      holds: {
        global: this.stillHeld(context, holds, read, 'global'),
        japan: this.stillHeld(context, holds, japan === null ? read : toReadTree(japan), 'japan'),
      },
      global: read,
      japan: japan === null ? 'derive' : toReadTree(japan),
      upstreamHosts: hostsOf([...context.setting.sources, ...context.setting.japanSources]),
    };
    const trees = buildTrees(build);
    const unpinned = [...new Set(CHANNELS.flatMap((channel) => [...holds.pinned[channel].keys()]))].filter(
      (id) => !build.holds.global.has(id) && !build.holds.japan.has(id),
    );
    const snapshotId = await publisher.publish({
      trees,
      reason: 'download',
      downloadId: context.order.downloadId,
      actor: context.order.actor,
      record: async (manager: EntityManager) => {
        await snapshots.unpin(manager, unpinned);
        return recordReleases(manager, releases, build, trees, clock.now());
      },
    });
    const outcomes = await this.outcomes(build, states, trees, snapshotId);
    return { state: 'read', snapshotId, sourceUrl: global.url, outcomes };
  }

  /** Pins stay unless the component was named; uploads stay unless something newer was fetched. */
  private stillHeld(context: Context, holds: Holds, read: ReadTree | null, channel: Channel): Map<string, Hold> {
    const named = new Set(context.order.requested ?? []);
    const brought = new Set(
      (read?.groups ?? []).filter((g) => g.action === 'fetch' || g.action === 'same').map((g) => g.componentId),
    );
    const fetched = new Set((read?.groups ?? []).filter((g) => g.action === 'fetch').map((g) => g.componentId));
    const result = new Map<string, Hold>();
    for (const [id, hold] of holds.uploaded[channel]) if (!fetched.has(id)) result.set(id, hold);
    for (const [id, hold] of holds.pinned[channel]) if (!named.has(id) || !brought.has(id)) result.set(id, hold);
    return result;
  }

  private async outcomes(
    build: BuildInput,
    states: Record<Channel, ChannelState>,
    trees: ReturnType<typeof buildTrees>,
    snapshotId: string | null,
  ): Promise<ComponentOutcome[]> {
    const current = await this.deps.releases.findMany([...states.global.releases.values()]);
    const before = new Map([...current.values()].map((release) => [release.componentId, release.version]));
    const digests = new Map([...current.values()].map((release) => [release.componentId, release.contentDigest]));
    const after = new Map<string, string>();
    const changed = new Set<string>();
    for (const component of build.components) {
      const draft = trees.global.releases.get(component.id);
      if (draft === undefined) continue;
      after.set(component.id, versionOfDraft(component, draft, build.holds.global));
      if (snapshotId !== null && digests.get(component.id) !== draft.digest) changed.add(component.id);
    }
    const groups = [...(build.global?.groups ?? [])];
    if (build.japan !== 'derive')
      for (const group of build.japan?.groups ?? []) {
        if (group.fault === null) continue;
        const twin = groups.findIndex((each) => each.key === group.key);
        if (twin === -1) groups.push(group);
        else if (groups[twin]?.fault === null) groups[twin] = { ...groups[twin], fault: group.fault };
      }
    return outcomesOf({
      components: build.components,
      groups,
      before,
      after,
      changed,
      held: new Set(build.holds.global.keys()),
    });
  }

  private async rememberRead(context: Context, read: SourceRead): Promise<void> {
    if (read.result.state === 'unchanged') return;
    const { memory, blobs, clock } = this.deps;
    const bytes = read.result.manifestBytes;
    const blob = await blobs.write([bytes], { maxBytes: bytes.length });
    await memory.manifestRead(
      read.source,
      {
        etag: read.result.validators.etag ?? null,
        lastModified: read.result.validators.lastModified ?? null,
        manifestSha256: blob.sha256,
        planFingerprint: context.fingerprint,
        complete: read.result.groups.every((group) => group.action !== 'earlier' && group.fault === null),
      },
      clock.now(),
    );
  }
}

function toReadTree(read: SourceRead): ReadTree | null {
  if (read.result.state === 'unchanged') return null;
  return { manifest: read.result.manifest, groups: read.result.groups, sourceUrl: read.url };
}

function validatorsOf(state: UpstreamState): { etag?: string; lastModified?: string } {
  return {
    ...(state.etag === null ? {} : { etag: state.etag }),
    ...(state.lastModified === null ? {} : { lastModified: state.lastModified }),
  };
}

/** Names under which the upstream must not appear in what we publish. */
function hostsOf(sources: { url: string }[]): string[] {
  return sources
    .filter(({ url }) => /^https?:/.test(url))
    .flatMap(({ url }) => [new URL(url).host, new URL(url).hostname]);
}

const COOL_DOWN_MS = 5 * 60_000;

function coolDown(error: AppError, now: Date): Date | null {
  const seconds = error.details['retryAfterSeconds'];
  if (typeof seconds === 'number') return new Date(now.getTime() + seconds * 1000);
  return error.code === 'upstream-refused' ? new Date(now.getTime() + COOL_DOWN_MS) : null;
}
