import type { ComponentOutcome, Offer, VersionChange } from '../../mirror/snapshot/component-outcome.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import type { ChannelFault, MirrorOutcome } from '../../mirror/snapshot/mirror-order.js';
import type { PassedOver } from '../../mirror/snapshot/source-reader.js';
import {
  type AppError,
  type Fault,
  faultOf,
  storedFault,
  saying,
  type StoredFault,
} from '../../platform/errors/app-error.js';
import { inEach } from '../../platform/texts/texts.js';
import type { Availability } from './availability.repository.js';
import type { Download, DownloadState } from './download.entity.js';
import type { EventOutcome } from './update-event.entity.js';
import type { NewUpdateEvent } from './update-event.repository.js';

type Wish = Pick<Download, 'trigger' | 'startedBy'>;

export const INTERRUPTED = 'download-interrupted';

/** What the record of a download says of how it ended. */
export type DownloadEnd = Pick<Download, 'state' | 'outcomes' | 'snapshotId' | 'error'>;

type RunEnd = Pick<MirrorOutcome, 'outcomes' | 'snapshotId'> & {
  channelFaults: readonly NonNullable<Download['error']>[];
};

/** How a run ended as a whole. */
export function stateOf({ outcomes, snapshotId, channelFaults }: RunEnd): DownloadState {
  if (channelFaults.length === CHANNELS.length) return 'failed';
  const brought = outcomes.some((each) => each.outcome === 'updated' || each.outcome === 'unchanged');
  if (outcomes.some((each) => each.outcome === 'failed')) return brought || snapshotId !== null ? 'partial' : 'failed';
  if (channelFaults.length > 0) return 'partial';
  return snapshotId === null ? 'unchanged' : 'succeeded';
}

export function endOf(outcome: RunEnd): DownloadEnd {
  const { outcomes, snapshotId, channelFaults } = outcome;
  const state = stateOf(outcome);
  const failed = outcomes.find((each) => each.outcome === 'failed');
  const fault = errorOf(channelFaults);
  return { state, outcomes, snapshotId, error: state === 'failed' ? (failed?.error ?? fault) : fault };
}

/** Of two channels whose sources could not be read the record has one code, and the words of both. */
function errorOf([first, ...others]: RunEnd['channelFaults']): Download['error'] {
  if (first === undefined) return null;
  const { code, details } = first;
  const said = [first, ...others].map(storedFault);
  const text = inEach((language) => said.map((each) => each.text[language]).join(' '));
  return { ...faultOf({ code, text }), ...(details === undefined ? {} : { details }) };
}

/** How a download ended whose snapshot is recorded, although nobody came to say so; null when nothing was published. */
export function endOfPublished({ outcomes, snapshotId, error }: Download): DownloadEnd | null {
  return snapshotId === null ? null : endOf({ outcomes, snapshotId, channelFaults: error === null ? [] : [error] });
}

/** What a read manifest tells of a component. */
export function availabilityOf({ id: componentId, offered, error }: Offer): Omit<Availability, 'since'> {
  if (error !== null)
    return {
      componentId,
      state: 'unknown',
      version: null,
      reason: error.code,
      detail: error.message,
      text: error.text,
    };
  if (offered === null)
    return { componentId, state: 'not-carried', version: null, reason: 'not-in-manifest', detail: null, text: null };
  return { componentId, state: 'version', version: offered, reason: null, detail: null, text: null };
}

/** What one line of the update log tells; `channel` when it is so in that one alone. */
type Line = ComponentOutcome & { channel?: Channel };

function isWorth({ outcome, restored }: ComponentOutcome, { trigger }: Wish): boolean {
  if (outcome === 'unchanged') return restored === true || trigger === 'manual';
  return outcome === 'updated' || outcome === 'failed';
}

/** Lines of the update log: what changed, failed or was restored; who asked by hand is also told what is current already. */
export function eventsOf(downloadId: string, wish: Wish, outcomes: readonly ComponentOutcome[]): NewUpdateEvent[] {
  const worth = outcomes
    .flatMap(byChannel)
    .filter((each): each is Line & { outcome: EventOutcome } => isWorth(each, wish));
  return worth.map((each) => ({
    trigger: wish.trigger,
    componentId: each.id,
    outcome: each.outcome,
    version: each.versionAfter,
    versionBefore: each.versionBefore,
    actor: wish.startedBy,
    downloadId,
    releaseId: null,
    code: each.error?.code ?? null,
    params: {
      ...(each.error === null ? {} : wordsOf(each.error)),
      ...(each.restored ? { restored: true } : {}),
      ...(each.channel ? { channel: each.channel } : {}),
    },
  }));
}

/**
 * What failed in one channel may have come into force in the other, and channels with sources of their own may have changed to
 * different versions: each is a line of its own.
 */
function byChannel(outcome: ComponentOutcome): Line[] {
  const { changed, channels } = outcome;
  const news = (Object.entries(changed ?? {}) as [Channel, VersionChange][]).map(([channel, change]): Line => ({
    ...outcome,
    ...change,
    outcome: 'updated',
    error: null,
    ...(channels === undefined ? {} : { channel }),
  }));
  if (outcome.outcome === 'updated') return channels === undefined ? [outcome] : news;
  if (outcome.outcome !== 'failed') return [outcome];
  const [channel, ...others] = channels ?? [];
  return [...news, channel === undefined || others.length > 0 ? outcome : { ...outcome, channel }];
}

/** What a line keeps of a failure beside its code. */
function wordsOf(fault: StoredFault): Pick<Fault, 'message' | 'text'> {
  const { message, text } = storedFault(fault);
  return { message, text };
}

/** The one line of a run that came to nothing. */
export function failureEvent(
  downloadId: string,
  wish: Wish,
  error: Pick<AppError, 'kind' | 'details'> & StoredFault,
): NewUpdateEvent {
  const { kind, code } = error;
  const { until, channel } = error.details;
  return {
    trigger: wish.trigger,
    componentId: null,
    outcome: 'failed',
    version: null,
    versionBefore: null,
    actor: wish.startedBy,
    downloadId,
    releaseId: null,
    code,
    params: {
      ...wordsOf(error),
      kind,
      ...(until === undefined ? {} : { until }),
      ...(channel === undefined ? {} : { channel }),
    },
  };
}

/** The line of a run in which one channel's own source could not be read. */
export function channelFaultEvent(downloadId: string, wish: Wish, fault: ChannelFault): NewUpdateEvent {
  return failureEvent(downloadId, wish, { kind: 'upstream', ...fault });
}

/** The line of a source that another one stood in for: what was published may be older, or less, than it has. */
export function passedOverEvent(downloadId: string, wish: Wish, passedOver: PassedOver): NewUpdateEvent {
  const { url, inPart, channel } = passedOver;
  const event = failureEvent(downloadId, wish, { kind: 'upstream', ...passedOver, details: {} });
  return {
    ...event,
    params: { ...event.params, passedOver: url, ...(inPart ? { inPart } : {}), ...(channel ? { channel } : {}) },
  };
}

/** The line of a run that ended early: a person cancelled it, or (null) the server was stopped. */
export function stoppedEvent(downloadId: string, wish: Wish, cancelledBy: string | null): NewUpdateEvent {
  return {
    trigger: wish.trigger,
    componentId: null,
    outcome: 'cancelled',
    version: null,
    versionBefore: null,
    actor: cancelledBy ?? wish.startedBy,
    downloadId,
    releaseId: null,
    code: cancelledBy === null ? 'server-stopped' : 'cancelled',
    params: {},
  };
}

/** The line of a run whose process died. */
export function interruptedEvent({ id, trigger, startedBy }: Download): NewUpdateEvent {
  const fault = { kind: 'unavailable' as const, ...faultOf(saying(INTERRUPTED)), details: {} };
  return failureEvent(id, { trigger, startedBy }, fault);
}
