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
  sourceUrl: string;
  outcomes: ComponentOutcome[];
  offers: Offers;
  /** The japan channel has a source of its own that could not be read; it stays as it is. */
  japanFault: ChannelFault | null;
  /** Sources that come first in the settings and were of no use; only of a run that brought something. */
  passedOver: PassedOver[];
}

/** Why one channel's own source could not be read; the details name the channel. */
export interface ChannelFault extends GroupFault {
  details?: Record<string, unknown>;
}

export type PublishedOutcome = Pick<MirrorOutcome, 'outcomes' | 'offers' | 'japanFault' | 'passedOver'> & {
  snapshotId: string;
};
