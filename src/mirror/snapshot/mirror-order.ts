import type { EntityManager } from 'typeorm';
import type { Component } from '../catalogue/component.entity.js';
import type { Channel } from './channel.js';
import type { ComponentOutcome, Offers } from './component-outcome.js';
import type { GroupFault } from './mirror-plan.js';
import type { RunProgress } from './mirror-run.js';
import type { PassedOver } from './source-reader.js';

/** What a run of the mirror is to do. */
export interface MirrorOrder {
  /** Component ids that a person named; null: all that the run may update. */
  requested: string[] | null;
  /** Whether an unnamed component takes part: scheduled, licensed … */
  takesPart: (component: Component) => boolean;
  /** Channels of whose sources something is not known although nothing may have changed: do not stop at "not modified". */
  thorough: ReadonlySet<Channel>;
  downloadId: string;
  actor: string;
  signal: AbortSignal;
  progress: RunProgress & { source(url: string): void; publishing(): void };
  /** Told in the transaction that records a new snapshot: from then on it has come out like this, whatever happens to us. */
  published: (manager: EntityManager, outcome: PublishedOutcome) => Promise<void>;
  /** A cool-down holds back the schedule, never a person. */
  respectCoolDown: boolean;
}

/** What came of it. */
export interface MirrorOutcome {
  state: 'unchanged' | 'read';
  /** Null when nothing new was published. */
  snapshotId: string | null;
  outcomes: ComponentOutcome[];
  offers: Offers;
  /** Channels with sources of their own that could not be read; they stay as they are. */
  channelFaults: ChannelFault[];
  /** Sources that come first in the settings and were of no use; only of a run that brought something. */
  passedOver: PassedOver[];
}

/** Why one channel's own sources could not be read, while the other channel has its own as well. */
export interface ChannelFault extends GroupFault {
  channel: Channel;
  /** With the channel, as the record of the download has nothing else to tell it by. */
  details: Record<string, unknown>;
}

export type PublishedOutcome = Pick<MirrorOutcome, 'outcomes' | 'offers' | 'channelFaults' | 'passedOver'> & {
  snapshotId: string;
};
