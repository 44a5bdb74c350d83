import { hostsOf } from '../manifest/manifest-hosts.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import { CHANNELS, type Channel } from './channel.js';
import type { ChannelReads } from './channel-reads.js';
import type { ChannelState } from './channel-states.js';
import type { Holds } from './hold.repository.js';
import type { PassedOver, SourceRead } from './source-reader.js';
import { type HoldsOrder, stayingHolds, withoutClashes } from './staying-holds.js';
import type { BuildInput, ReadTree } from './tree-builder.js';

/** What a run knew when it began. */
export interface BuildOrder extends HoldsOrder {
  setting: UpdateSourceSetting;
  units: ReadonlyMap<string, string>;
}

/** What the trees are made of: what was read, and what people hold now. */
export function buildInputOf(
  order: BuildOrder,
  states: Record<Channel, ChannelState>,
  holds: Holds,
  reads: ChannelReads,
): BuildInput {
  const { components, setting, units } = order;
  const own = hasOwnJapan(order);
  const read = toReadTree(reads.global);
  const japanTree = own ? toReadTree(reads.japan) : read;
  const held = {
    global: stayingHolds(order, holds, read, 'global'),
    japan: stayingHolds(order, holds, japanTree, 'japan'),
  };
  const agreed = (tree: ReadTree | null, channels: readonly Channel[]): ReadTree | null =>
    channels.reduce(
      (each, channel) =>
        withoutClashes(each, { held: states[channel].held, holds: held[channel], componentOfUnit: units }),
      tree,
    );
  return {
    components,
    states,
    holds: held,
    global: agreed(read, own ? ['global'] : CHANNELS),
    japan: own ? agreed(japanTree, ['japan']) : 'derive',
    upstreamHosts: hostsOf([...setting.sources, ...setting.japanSources]),
  };
}

/** Components whose rollback ends in both channels. */
export function endedRollbacks(holds: Holds, build: BuildInput): string[] {
  const pinned = new Set(CHANNELS.flatMap((channel) => [...holds.pinned[channel].keys()]));
  return [...pinned].filter((id) => CHANNELS.every((channel) => !build.holds[channel].has(id)));
}

/** Sources that another one stood in for; with their channel where each has sources of its own. */
export function passedOverIn(order: BuildOrder, reads: ChannelReads): PassedOver[] {
  return CHANNELS.flatMap((channel) => {
    const passedOver = reads[channel]?.passedOver ?? [];
    return hasOwnJapan(order) ? passedOver.map((each) => ({ ...each, channel })) : passedOver;
  });
}

function hasOwnJapan({ setting }: BuildOrder): boolean {
  return setting.japanSources.length > 0;
}

function toReadTree(read: SourceRead | null): ReadTree | null {
  if (read === null || read.result.state === 'unchanged') return null;
  return { manifest: read.result.manifest, groups: read.result.groups, sourceUrl: read.url };
}
