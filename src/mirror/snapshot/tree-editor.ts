import type { EntityManager } from 'typeorm';
import type { Clock } from '../../platform/clock/clock.js';
import type { CatalogueRepository } from '../catalogue/catalogue.repository.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import { CHANNELS, type Channel } from './channel.js';
import { loadHolds } from './hold.repository.js';
import type { Release } from './release.entity.js';
import type { ReleaseRepository } from './release.repository.js';
import type { SnapshotPublisher } from './snapshot-publisher.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import { buildTrees, recordReleases, type BuildInput, type Hold } from './tree-builder.js';

export interface TreeEdit {
  reason: 'rollback' | 'upload' | 'catalogue';
  actor: string;
  /** Releases that a channel takes up now, by component. */
  holds: Record<Channel, ReadonlyMap<string, Release>>;
  /** Written in the transaction of the snapshot. */
  record: (manager: EntityManager) => Promise<void>;
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

  /** Call inside `SnapshotPublisher.exclusively`. Null when the trees stay as they are; `record` has run all the same. */
  async publish(edit: TreeEdit): Promise<string | null> {
    const components = await this.catalogue.list();
    const states = { global: await this.publisher.current('global'), japan: await this.publisher.current('japan') };
    const standing = await loadHolds(this.releases, this.snapshots, states, components);
    const holds: Record<Channel, Map<string, Hold>> = { global: new Map(), japan: new Map() };
    for (const channel of CHANNELS) {
      for (const each of [standing.uploaded[channel], standing.pinned[channel]])
        for (const [id, hold] of each) holds[channel].set(id, hold);
      for (const [id, release] of edit.holds[channel])
        holds[channel].set(id, { release, ...(await this.releases.content(release)) });
    }
    const ownJapan = (await this.settings.updateSource()).japanSources.length > 0;
    const input: BuildInput = {
      components,
      states,
      holds,
      global: null,
      japan: ownJapan ? null : 'derive',
      upstreamHosts: [],
    };
    const trees = buildTrees(input);
    let recorded = false;
    const id = await this.publisher.publish({
      trees,
      reason: edit.reason,
      downloadId: null,
      actor: edit.actor,
      record: async (manager) => {
        recorded = true;
        await edit.record(manager);
        return recordReleases(manager, this.releases, input, trees, this.clock.now());
      },
    });
    if (!recorded) await this.publisher.alone(edit.record);
    return id;
  }
}
