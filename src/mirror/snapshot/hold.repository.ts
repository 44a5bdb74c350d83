import type { Component } from '../catalogue/component.entity.js';
import { CHANNELS, type Channel } from './channel.js';
import type { ReleaseRepository } from './release.repository.js';
import type { ChannelState } from './channel-states.js';
import type { SnapshotRepository } from './snapshot.repository.js';
import type { Hold } from './tree-builder.js';

export interface Holds {
  /** Rolled back by a person, per channel. */
  pinned: Record<Channel, Map<string, Hold>>;
  /** Uploaded releases in force, or derived from such; they stay until the upstream has something newer. */
  uploaded: Record<Channel, Map<string, Hold>>;
}

/** What stays whatever the upstream says. */
export async function loadHolds(
  releases: ReleaseRepository,
  snapshots: SnapshotRepository,
  states: Record<Channel, ChannelState>,
  components: readonly Component[],
): Promise<Holds> {
  const known = new Set(components.map((component) => component.id));
  const holds: Holds = {
    pinned: { global: new Map(), japan: new Map() },
    uploaded: { global: new Map(), japan: new Map() },
  };
  const pins = await snapshots.pins();
  const pinnedReleases = await releases.findMany(pins.map((pin) => pin.releaseId));
  for (const pin of pins) {
    const release = pinnedReleases.get(pin.releaseId);
    if (release === undefined || !known.has(pin.componentId)) continue;
    holds.pinned[pin.channel as Channel].set(pin.componentId, { release, ...(await releases.content(release)) });
  }
  for (const channel of CHANNELS) {
    const current = await releases.findMany([...states[channel].releases.values()]);
    const parents = await releases.findMany([...current.values()].flatMap((release) => release.derivedFrom ?? []));
    for (const release of current.values()) {
      const parent = release.derivedFrom === null ? null : (parents.get(release.derivedFrom) ?? null);
      const uploaded = release.origin === 'uploaded' || parent?.origin === 'uploaded';
      if (!uploaded || !known.has(release.componentId) || holds.pinned[channel].has(release.componentId)) continue;
      holds.uploaded[channel].set(release.componentId, { release, ...(await releases.content(release)) });
    }
  }
  return holds;
}
