/** Where a target stands. What each means for a person is in docs/command-states.md, which is made from this file. */
export const TARGET_STATES = [
  'queued',
  'delivered',
  'downloading',
  'downloaded',
  'installing',
  'cancelling',
  'succeeded',
  'failed',
  'skipped',
  'superseded',
  'expired',
  'cancelled',
] as const;
export type TargetState = (typeof TARGET_STATES)[number];

/** `none`: neither a success nor a failure; never counted as unsuccessful. */
export type StateGroup = 'waiting' | 'inProgress' | 'successful' | 'unsuccessful' | 'none';

export const GROUP_OF: Readonly<Record<TargetState, StateGroup>> = {
  queued: 'waiting',
  delivered: 'inProgress',
  downloading: 'inProgress',
  downloaded: 'inProgress',
  installing: 'inProgress',
  cancelling: 'inProgress',
  succeeded: 'successful',
  failed: 'unsuccessful',
  skipped: 'none',
  superseded: 'none',
  expired: 'none',
  cancelled: 'none',
};

/** What can happen to a target. */
export type TargetEvent =
  | 'deliver'
  | 'report-waiting'
  | 'report-download'
  | 'report-downloaded'
  | 'report-installing'
  | 'report-warning'
  | 'report-success'
  | 'report-failure'
  | 'try-again'
  | 'skip'
  | 'withdraw'
  | 'ask-to-cancel'
  | 'cancel-accepted'
  | 'cancel-refused'
  | 'supersede'
  | 'expire'
  | 'remove-agent'
  | 'retry';

export interface Transition {
  readonly event: TargetEvent;
  readonly from: readonly TargetState[];
  /** null: the state stays; `before`: the state in which the cancellation found it. */
  readonly to: TargetState | null | 'before';
  readonly meaning: string;
}

const WORKING = ['delivered', 'downloading', 'downloaded', 'installing'] as const;
const REPORTABLE = ['queued', ...WORKING] as const;

/**
 * Every change of a target's state. Each is carried out as one `UPDATE … WHERE state = ANY(from)`: of two racing callers the
 * second finds no row and is told so.
 */
export const TRANSITIONS: readonly Transition[] = [
  { event: 'deliver', from: ['queued'], to: 'delivered', meaning: 'The product fetched the order.' },
  {
    event: 'report-waiting',
    from: REPORTABLE,
    to: 'delivered',
    meaning: 'The product has the order and will begin later.',
  },
  { event: 'report-download', from: REPORTABLE, to: 'downloading', meaning: 'The product fetches the files.' },
  { event: 'report-downloaded', from: REPORTABLE, to: 'downloaded', meaning: 'The files are at the product.' },
  { event: 'report-installing', from: REPORTABLE, to: 'installing', meaning: 'The product installs.' },
  {
    event: 'report-warning',
    from: [...REPORTABLE, 'cancelling'],
    to: null,
    meaning: 'The product warns, or tells its progress while a cancellation is open.',
  },
  {
    event: 'report-success',
    from: [...REPORTABLE, 'cancelling'],
    to: 'succeeded',
    meaning: 'The product did it; also when a cancellation came too late.',
  },
  {
    event: 'report-failure',
    from: [...REPORTABLE, 'cancelling'],
    to: 'failed',
    meaning: 'The product could not do it, and no try is left.',
  },
  {
    event: 'try-again',
    from: REPORTABLE,
    to: 'queued',
    meaning: 'The product could not do it; it is offered again after a pause.',
  },
  {
    event: 'skip',
    from: ['queued'],
    to: 'skipped',
    meaning: 'When its ring opened there was nothing left to do.',
  },
  {
    event: 'withdraw',
    from: ['queued'],
    to: 'cancelled',
    meaning: 'Cancelled before the product had it.',
  },
  {
    event: 'ask-to-cancel',
    from: WORKING,
    to: 'cancelling',
    meaning: 'The product is asked to stop; it decides whether it still can.',
  },
  { event: 'cancel-accepted', from: ['cancelling'], to: 'cancelled', meaning: 'The product stopped.' },
  {
    event: 'cancel-refused',
    from: ['cancelling'],
    to: 'before',
    meaning: 'The product is past the point of no return; the order goes on.',
  },
  {
    event: 'supersede',
    from: ['queued'],
    to: 'superseded',
    meaning: 'A newer order for the same product and component took its place.',
  },
  {
    event: 'expire',
    from: [...REPORTABLE, 'cancelling'],
    to: 'expired',
    meaning: 'Its time was over before the product ended it.',
  },
  {
    event: 'remove-agent',
    from: [...REPORTABLE, 'cancelling'],
    to: 'cancelled',
    meaning: 'The product was removed: nobody is left to do it.',
  },
  { event: 'retry', from: ['failed'], to: 'queued', meaning: 'A person ordered another try.' },
];

export const FINAL_STATES = TARGET_STATES.filter(
  (state) => !TRANSITIONS.some(({ from, event }) => event !== 'retry' && from.includes(state)),
);
export const OPEN_STATES = TARGET_STATES.filter((state) => !FINAL_STATES.includes(state));
/** For `state in (…)`: as literals, so that the planner sees them. */
export const OPEN_STATES_SQL = OPEN_STATES.map((state) => `'${state}'`).join(', ');

export function isTargetState(text: string): text is TargetState {
  return (TARGET_STATES as readonly string[]).includes(text);
}

/** @throws Error for an event without a transition: a fault of the program. */
export function transitionOf(event: TargetEvent): Transition {
  const found = TRANSITIONS.find((each) => each.event === event);
  if (found === undefined) throw new Error(`no transition for ${event}`);
  return found;
}
