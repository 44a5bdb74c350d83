import type { Feedback } from '../agents/agents.api.js';
import type { ActionRow, AttemptEnd } from './action.repository.js';
import type { CommandHead } from './command.repository.js';
import { failureReason, percentOf } from './feedback-rules.js';
import { transitionOf, type TargetEvent, type TargetState } from './target-states.js';

/** Feedbacks of one try that are kept; later ones still change its state. */
export const MAX_FEEDBACKS = 1_000;

/** What becomes of an action by one message. */
export interface Outcome {
  event: TargetEvent;
  state: TargetState;
  reason: string | null;
  /** Column → value, of what changes beside the message's own facts. */
  set: Record<string, unknown>;
  attempt: AttemptEnd | null;
  /** The try is over and no other follows. */
  final: boolean;
  /** A new try follows; it gets a new action. */
  again: boolean;
  /** What the product is offered changed. */
  wakes: boolean;
}

export interface Message {
  feedback: Feedback;
  now: Date;
  /** Versions in force if it succeeded; for a person. */
  versionAfter: string | null;
}

/** Decides; the caller holds the action's row and writes. */
export function outcomeOf(
  command: Pick<CommandHead, 'tries' | 'retryMinutes'>,
  action: ActionRow,
  event: TargetEvent,
  { feedback, now, versionAfter }: Message,
): Outcome {
  const ended = (state: TargetState, reason: string | null, more: Record<string, unknown> = {}): Outcome => ({
    event,
    state,
    reason,
    set: { state, reason, since: now, ended_at: now, ...more },
    attempt: { state, reason, code: feedback.code, message: feedback.messages[0] ?? null },
    final: true,
    again: false,
    wakes: true,
  });
  if (event === 'report-success') {
    const late = action.state === 'cancelling' ? 'cancelled-too-late' : null;
    return ended('succeeded', late, { progress: 100, version_after: versionAfter });
  }
  if (event === 'report-failure') {
    const reason = failureReason(feedback, action.state);
    const next = new Date(now.getTime() + command.retryMinutes * 60_000);
    const again = action.attempt < command.tries && action.state !== 'cancelling' && next < action.expiresAt;
    return again ? anotherTry(ended('failed', reason), action, next, now) : ended('failed', reason);
  }
  if (event === 'cancel-accepted') return ended('cancelled', 'cancel-accepted');
  if (event === 'cancel-refused') return refused(action, now);
  return phase(action, event, now);
}

/** The product goes on where the cancellation found it. */
function refused(action: ActionRow, now: Date): Outcome {
  const state = action.stateBeforeCancel ?? 'delivered';
  const reason = 'cancel-refused';
  const set = { state, reason, since: now, state_before_cancel: null };
  return { event: reason, state, reason, set, attempt: null, final: false, again: false, wakes: true };
}

/** The facts of the message itself. */
export function factsOf(action: ActionRow, feedback: Feedback, now: Date): Record<string, unknown> {
  const kept = action.feedbackCount < MAX_FEEDBACKS;
  const dropped = feedback.dropped + (kept ? 0 : Math.max(1, feedback.messages.length));
  return {
    progress_at: now,
    slow_since: null,
    progress: percentOf(feedback),
    ...(kept ? { feedback_count: action.feedbackCount + 1 } : {}),
    ...(dropped > 0 ? { dropped_messages: action.droppedMessages + dropped } : {}),
    ...(feedback.messages[0] === undefined ? {} : { message: feedback.messages[0] }),
    ...(feedback.code === null ? {} : { code: feedback.code }),
  };
}

/** The end of one try is kept, and the target waits for the next. */
function anotherTry(failed: Outcome, action: ActionRow, next: Date, now: Date): Outcome {
  return {
    ...failed,
    event: 'try-again',
    state: 'queued',
    reason: 'retry-waiting',
    set: {
      state: 'queued',
      held: 'retry',
      reason: 'retry-waiting',
      since: now,
      attempt: action.attempt + 1,
      next_attempt_at: next,
      progress: null,
      delivered_at: null,
      feedback_count: 0,
    },
    final: false,
    again: true,
  };
}

/** A step on the way, or a word in between. */
function phase(action: ActionRow, event: TargetEvent, now: Date): Outcome {
  const { to } = transitionOf(event);
  const state = to === null || to === 'before' ? action.state : to;
  return {
    event,
    state,
    reason: null,
    set: {
      ...(state === action.state ? {} : { state, since: now, reason: null }),
      ...(action.deliveredAt === null ? { delivered_at: now } : {}),
    },
    attempt: null,
    final: false,
    again: false,
    wakes: action.state === 'queued',
  };
}
