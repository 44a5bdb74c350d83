import { AppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { componentOfUnit, type CatalogueRepository } from '../catalogue/catalogue.repository.js';
import type { Component } from '../catalogue/component.entity.js';
import { compareVersions } from '../manifest/version.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { CHANNELS, type Channel } from './channel.js';
import { readChannels, type ChannelReads } from './channel-reads.js';
import { offersOf, outcomesOfBuild, type ComponentOutcome } from './component-outcome.js';
import { loadHolds, type Holds } from './hold.repository.js';
import { buildInputOf, endedRollbacks, passedOverIn } from './run-build.js';
import { derivedFiles } from './derived-files.js';
import { settledAs } from './run-fingerprint.js';
import type { UpstreamMemory } from './upstream-memory.js';
import { leadingUnit, type PlanInput } from './mirror-plan.js';
import type { MirrorOrder, MirrorOutcome } from './mirror-order.js';
import type { ReleaseRepository } from './release.repository.js';
import type { ReadRequest, SourceRead, SourceReader } from './source-reader.js';
import type { SnapshotPublisher } from './snapshot-publisher.js';
import type { ChannelState } from './channel-states.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import { findDamage, isDamaged, requireWholeTree, withoutMissing, type TreeDamage } from './tree-damage.js';
import { buildTrees, recordReleases } from './tree-builder.js';

interface Context {
  order: MirrorOrder;
  setting: UpdateSourceSetting;
  components: Component[];
  units: Map<string, string>;
  states: Record<Channel, ChannelState>;
  damage: TreeDamage;
  holds: Holds;
  signedBefore: Record<Channel, ReadonlySet<string>>;
  /** Components that this run may bring up to date. */
  takesPart: Set<string>;
  /** Files that the japan channel has from the time before it had sources of its own. */
  derived: ReadonlySet<string>;
}

/** Brings the mirror up to date with its source, and publishes what has changed. */
export class MirrorService {
  constructor(
    private readonly deps: {
      catalogue: CatalogueRepository;
      settings: MirrorSettings;
      releases: ReleaseRepository;
      snapshots: SnapshotRepository;
      publisher: SnapshotPublisher;
      reader: SourceReader;
      memory: UpstreamMemory;
      blobs: BlobStore;
      logger: Logger;
    },
  ) {}

  /**
   * @throws AppError kind `upstream` (of the last source that was asked), `upstream-cooling-down`, kind `storage`, `cancelled`.
   */
  async mirror(order: MirrorOrder): Promise<MirrorOutcome> {
    const context = await this.context(order);
    const { reader, publisher } = this.deps;
    const reads = await readChannels(reader, {
      setting: context.setting,
      request: (channel) => this.request(context, channel),
      canStay: (channel) => context.states[channel].held !== null,
    });
    if (CHANNELS.every((channel) => !broughtAnything(reads[channel]))) {
      // The run that brought lost contents back may have ended before it came to the trees.
      if (await publisher.damageNoted()) await publisher.exclusively(() => publisher.mend(), order.signal);
      const nothing = { outcomes: [], offers: {}, passedOver: [] };
      return { state: 'unchanged', snapshotId: null, ...nothing, channelFaults: reads.faults };
    }
    order.progress.publishing();
    const published = await publisher.exclusively(() => {
      if (order.signal.aborted) throw new AppError('conflict', 'cancelled.download');
      return this.publish(context, reads);
    }, order.signal);
    const { fingerprints, ...outcome } = published;
    const all = CHANNELS.flatMap((channel) => reads[channel] ?? []);
    for (const channel of CHANNELS) {
      const read = reads[channel];
      if (read !== null) await reader.remember(read, fingerprints[channel], all);
    }
    return outcome;
  }

  /** Puts into force what is recorded and not in force yet, and mends what can be mended here. */
  finishPublication(signal: AbortSignal): Promise<void> {
    return this.deps.publisher.exclusively(() => Promise.resolve(), signal);
  }

  private request(context: Context, channel: Channel): ReadRequest {
    const { order, setting, states, damage, holds } = context;
    const { respectCoolDown, signal } = order;
    // The record of a download names one source: the global channel's.
    const progress = channel === 'global' ? order.progress : { ...order.progress, source: () => undefined };
    const plan = this.plan(context, channel);
    const fingerprint = settledAs(context, holds.pinned, channel, states[channel].snapshotId);
    const held = withoutMissing(states[channel].held, damage);
    const optional = context.components.filter(({ signatures }) => signatures === 'optional');
    const signaturesOptional = new Set(optional.map(({ id }) => id));
    const endsRollback = order.requested?.some((id) => CHANNELS.some((each) => holds.pinned[each].has(id))) ?? false;
    const thorough = order.thorough.has(channel) || isDamaged(damage) || plan.notOwn.size > 0 || endsRollback;
    const ownSnapshots = new Set(CHANNELS.flatMap((each) => states[each].snapshotId ?? []));
    const signedBefore = context.signedBefore[channel];
    const known = { held, fingerprint, ownSnapshots, signaturesOptional, signedBefore };
    return { setting, plan, ...known, thorough, respectCoolDown, signal, progress };
  }

  private async context(order: MirrorOrder): Promise<Context> {
    const { catalogue, settings, releases, snapshots, publisher, blobs, logger } = this.deps;
    const setting = await settings.updateSource();
    const components = await catalogue.list();
    let states = await this.states();
    if (CHANNELS.some((channel) => states[channel].manifestLost)) {
      // Perhaps it is only an index, which can be made anew without the source.
      await this.finishPublication(order.signal);
      states = await this.states();
    }
    const damage = await findDamage(states, blobs);
    if (isDamaged(damage)) {
      await publisher.noteDamage();
      logger.error(
        { missing: [...damage.missing].slice(0, 20), count: damage.missing.size, manifestLost: damage.manifestLost },
        'published content is missing on the disk; this download fetches it again where the source still has it',
      );
    }
    const holds = await loadHolds(releases, snapshots, states, components);
    const units = componentOfUnit(components);
    const takesPart = new Set(
      components
        .filter((each) => (order.requested === null ? order.takesPart(each) : order.requested.includes(each.id)))
        .map(({ id }) => id),
    );
    const signedBefore = {
      global: await releases.signedComponents('global'),
      japan: await releases.signedComponents('japan'),
    };
    const known = { order, setting, components, units, states, damage, holds, signedBefore, takesPart };
    return { ...known, derived: await this.derived(known) };
  }

  private async derived({ order, setting, states, holds, takesPart }: Omit<Context, 'derived'>): Promise<Set<string>> {
    const { releases, memory } = this.deps;
    if (setting.japanSources.length === 0 || states.japan.held === null) return new Set();
    const current = await releases.findMany([...states.japan.releases.values()]);
    const derived = [...current.values()].filter(({ origin }) => origin === 'derived');
    const delivered = await memory.delivered(setting.japanSources.map(({ url }) => url));
    const isHeld = (id: string): boolean => holds.pinned.japan.has(id) || holds.uploaded.japan.has(id);
    return derivedFiles({
      japan: states.japan.held.files,
      global: states.global.held?.files ?? null,
      derived: new Set(derived.map(({ componentId }) => componentId)),
      mayReplace: (id) => (id === null ? order.requested === null : takesPart.has(id) && !isHeld(id)),
      delivered: (key, sha256) => delivered.has(`${key} ${sha256}`),
    });
  }

  private async states(): Promise<Record<Channel, ChannelState>> {
    const { publisher } = this.deps;
    return {
      global: await publisher.states.currentOrLost('global'),
      japan: await publisher.states.currentOrLost('japan'),
    };
  }

  private plan(context: Context, channel: Channel): Omit<PlanInput, 'upstream' | 'held'> {
    const { order, components, holds, units, setting, takesPart, damage } = context;
    const byId = new Map(components.map((component) => [component.id, component]));
    return {
      componentOfUnit: units,
      selection: setting.selection,
      notOwn: channel === 'japan' ? context.derived : new Set(),
      mayUpdate: (componentId, offered) => {
        if (componentId === null) return order.requested === null || damage.manifestLost;
        const component = byId.get(componentId);
        if (component === undefined) return false;
        if (!takesPart.has(componentId) && !damage.manifestLost) return false;
        const named = order.requested !== null;
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

  /** Inside the publishing lock: decisions are taken on what is in force now, not on what was when the run began. */
  private async publish(
    context: Context,
    reads: ChannelReads,
  ): Promise<MirrorOutcome & { fingerprints: Record<Channel, string> }> {
    const { publisher, releases, snapshots } = this.deps;
    const { order, damage } = context;
    const states = await this.states();
    const holds = await loadHolds(releases, snapshots, states, context.components);
    const build = buildInputOf(context, states, holds, reads);
    if (damage.manifestLost) requireWholeTree(build);
    const trees = buildTrees(build);
    const unpinned = endedRollbacks(holds, build);
    const found = { offers: offersOf(build), channelFaults: reads.faults, passedOver: passedOverIn(context, reads) };
    const current = {
      global: [...(await releases.findMany([...states.global.releases.values()])).values()],
      japan: [...(await releases.findMany([...states.japan.releases.values()])).values()],
    };
    const outcomesIf = (published: boolean): ComponentOutcome[] =>
      outcomesOfBuild({
        build,
        trees,
        current,
        takesPart: context.takesPart,
        published,
        missing: damage.missing,
      });
    const snapshotId = await publisher.publish({
      trees,
      evenIfSame: CHANNELS.some((channel) => !sameKeys(trees[channel].releases, states[channel].releases)),
      reason: 'download',
      downloadId: order.downloadId,
      actor: order.actor,
      record: async (manager, at, id) => {
        await snapshots.unpin(manager, unpinned);
        await order.published(manager, { ...found, snapshotId: id, outcomes: outcomesIf(true) });
        return recordReleases(manager, releases, build, trees, at);
      },
    });
    if (snapshotId === null && unpinned.length > 0)
      await publisher.alone(async (manager) => void (await snapshots.unpin(manager, unpinned)));
    if (isDamaged(damage)) await publisher.relink();
    else await publisher.mend();
    const outcomes = outcomesIf(snapshotId !== null);
    for (const id of unpinned) for (const channel of CHANNELS) holds.pinned[channel].delete(id);
    const settled = (channel: Channel): string =>
      settledAs(context, holds.pinned, channel, snapshotId ?? states[channel].snapshotId);
    const fingerprints = { global: settled('global'), japan: settled('japan') };
    return { ...found, state: 'read', snapshotId, outcomes, fingerprints };
  }
}

/** Components are the same that have something in the channel; entries can be given to another one. */
function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}

function broughtAnything(read: SourceRead | null): boolean {
  return read !== null && read.result.state !== 'unchanged';
}
