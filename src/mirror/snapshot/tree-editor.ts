import type { EntityManager } from 'typeorm';
import type { Clock } from '../../platform/clock/clock.js';
import type { CatalogueRepository } from '../catalogue/catalogue.repository.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import { CHANNELS, type Channel } from './channel.js';
import type { ReleaseContent } from './channel-composer.js';
import { loadHolds } from './hold.repository.js';
import type { Release } from './release.entity.js';
import type { Provenance, ReleaseRepository } from './release.repository.js';
import type { SnapshotPublisher } from './snapshot-publisher.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import { buildTrees, recordReleases, type BuildInput, type Hold } from './tree-builder.js';

export interface TreeEdit {
  reason: 'rollback' | 'upload';
  actor: string;
  /** Releases that a channel takes up now, by component. */
  holds: Record<Channel, ReadonlyMap<string, Release>>;
  /** Content that a channel takes up now and that becomes a release by it, by component. */
  content?: Record<Channel, ReadonlyMap<string, NewContent>>;
  /** Written in the transaction of the snapshot (null: the trees stay as they are); told the release of each component in it. */
  record: (
    manager: EntityManager,
    releases: Record<Channel, ReadonlyMap<string, string>>,
    snapshotId: string | null,
  ) => Promise<void>;
}

export interface NewContent extends Hold {
  /** Null where it follows from the other channel. */
  provenance: Provenance | null;
}

export interface TreeEditResult {
  /** Null when the trees stay as they are. */
  snapshotId: string | null;
  releases: Record<Channel, ReadonlyMap<string, string>>;
}

/** Publishes what people decide without a download: everything else stays as it is. */
export class TreeEditor {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly settings: MirrorSettings,
    private readonly releases: ReleaseRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly publisher: SnapshotPublisher,
    private readonly clock: Clock,
  ) {}

  /** Call inside `SnapshotPublisher.exclusively`. `record` runs also when the trees stay as they are. */
  async publish(edit: TreeEdit): Promise<TreeEditResult> {
    const components = await this.catalogue.list();
    const states = {
      global: await this.publisher.states.current('global'),
      japan: await this.publisher.states.current('japan'),
    };
    const standing = await loadHolds(this.releases, this.snapshots, states, components);
    const holds: Record<Channel, Map<string, Hold>> = { global: new Map(), japan: new Map() };
    const provenance: Record<Channel, Map<string, Provenance>> = { global: new Map(), japan: new Map() };
    for (const channel of CHANNELS) {
      for (const each of [standing.uploaded[channel], standing.pinned[channel]])
        for (const [id, hold] of each) holds[channel].set(id, hold);
      for (const [id, release] of edit.holds[channel])
        holds[channel].set(id, { release, ...asOf(this.clock.now(), await this.releases.content(release)) });
      for (const [id, content] of edit.content?.[channel] ?? []) {
        holds[channel].set(id, content);
        if (content.provenance !== null) provenance[channel].set(id, content.provenance);
      }
    }
    const ownJapan = (await this.settings.updateSource()).japanSources.length > 0;
    const input: BuildInput = {
      components,
      states,
      holds,
      provenance,
      global: null,
      japan: ownJapan ? null : 'derive',
      upstreamHosts: [],
    };
    const trees = buildTrees(input);
    let releases: TreeEditResult['releases'] | null = null;
    const recordAll = async (
      manager: EntityManager,
      at: Date,
      snapshotId: string | null,
    ): Promise<Record<Channel, Map<string, string>>> => {
      const recorded = await recordReleases(manager, this.releases, input, trees, at);
      await edit.record(manager, recorded, snapshotId);
      releases = recorded;
      return recorded;
    };
    const snapshotId = await this.publisher.publish({
      trees,
      reason: edit.reason,
      downloadId: null,
      actor: edit.actor,
      record: recordAll,
    });
    if (releases === null)
      await this.publisher.alone(async (manager) => void (await recordAll(manager, this.clock.now(), null)));
    return { snapshotId, releases: releases ?? { global: new Map(), japan: new Map() } };
  }
}

/**
 * What comes back may have names that are served now by an earlier snapshot, with another content and a later date than the release's.
 */
function asOf(now: Date, content: ReleaseContent): ReleaseContent {
  return { ...content, files: content.files.map((file) => ({ ...file, mtime: now.toISOString() })) };
}
