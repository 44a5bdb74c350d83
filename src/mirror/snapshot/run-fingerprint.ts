import { createHash } from 'node:crypto';
import type { Component } from '../catalogue/component.entity.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import { CHANNELS, type Channel } from './channel.js';
import type { Holds } from './hold.repository.js';

/** What the plan of a run depends on, beside the manifest. */
export interface RunBasis {
  setting: UpdateSourceSetting;
  components: readonly Component[];
  units: ReadonlyMap<string, string>;
}

/**
 * What must be the same for an unchanged manifest to mean that there is nothing to do. After a rollback or an upload another snapshot
 * is in force than the one that the last run left; the end of a rollback leaves that to the next run, so what is rolled back counts too.
 * A source that both channels have is done with for that one alone which has read it.
 */
export function settledAs(
  { setting, components, units }: RunBasis,
  pinned: Holds['pinned'],
  channel: Channel,
  snapshotInForce: string | null,
): string {
  const basis = [
    setting.sources,
    setting.japanSources,
    setting.selection,
    [...units],
    components.map((component) => component.variants),
    CHANNELS.map((each) => [...pinned[each].keys()].sort()),
    channel,
  ];
  const fingerprint = createHash('sha256').update(JSON.stringify(basis)).digest('hex');
  return `${fingerprint}/${snapshotInForce ?? ''}`;
}
