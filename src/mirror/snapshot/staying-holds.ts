import type { Component } from '../catalogue/component.entity.js';
import { compareVersions } from '../manifest/version.js';
import type { Channel } from './channel.js';
import type { Holds } from './hold.repository.js';
import { leadingUnit } from './mirror-plan.js';
import { holdBackSharers, type Staying } from './shared-files.js';
import type { Hold, ReadTree } from './tree-builder.js';

/** What a run was asked to do, as far as holds are concerned. */
export interface HoldsOrder {
  order: { requested: readonly string[] | null };
  components: readonly Component[];
}

/** Pins stay unless the component was named; uploads stay unless something newer was fetched. */
export function stayingHolds(
  { order, components }: HoldsOrder,
  holds: Holds,
  read: ReadTree | null,
  channel: Channel,
): Map<string, Hold> {
  const named = new Set(order.requested ?? []);
  const groups = read?.groups ?? [];
  const brought = new Set(groups.filter((g) => g.action === 'fetch' || g.action === 'same').map((g) => g.componentId));
  const fetched = new Map(groups.filter((g) => g.action === 'fetch').map((g) => [g.componentId, g]));
  const byId = new Map(components.map((component) => [component.id, component]));
  const result = new Map<string, Hold>();
  for (const [id, hold] of holds.uploaded[channel]) {
    // What was fetched was newer than the upload that was in force when the run began, in the channel it was planned for.
    const component = byId.get(id);
    const offered = component && leadingUnit(component.entries, fetched.get(id)?.units ?? [])?.version;
    const overtaken =
      component !== undefined &&
      fetched.has(id) &&
      (!offered || compareVersions(offered, hold.release.version, component.numbering) > 0);
    if (!overtaken) result.set(id, hold);
  }
  for (const [id, hold] of holds.pinned[channel]) if (!named.has(id) || !brought.has(id)) result.set(id, hold);
  return result;
}

/** People may have rolled back or uploaded something since the run began. */
export function withoutClashes(tree: ReadTree | null, staying: Staying): ReadTree | null {
  return tree && { ...tree, groups: holdBackSharers(tree.groups, staying) };
}
