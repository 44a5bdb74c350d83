import type { Feedback } from '../agents/agents.api.js';
import type { CommandHead } from './command.repository.js';
import type { DeployParameters } from './command.types.js';
import type { TargetEvent, TargetState } from './target-states.js';

type Ordered = Pick<CommandHead, 'type' | 'parameters'>;

export const FAILURE_REASONS = ['download', 'verification', 'installation', 'restart', 'rejected'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/**
 * Whether the product has done all that a download-only order asks. hawkBit's clients say so with `downloaded` and `success`, send
 * no `closed` after it, and would fetch everything again whenever the order was still offered.
 */
export function isDownloadOnlyDone(order: Ordered, { execution, finished }: Feedback): boolean {
  if (order.type !== 'deploy' || execution !== 'downloaded' || finished !== 'success') return false;
  return (order.parameters as DeployParameters).mode.update === 'skip';
}

/** What a message means for an action that is not ended (agent-protocol.md §3). */
export function eventOf(order: Ordered, feedback: Feedback, state: TargetState): TargetEvent {
  const cancelling = state === 'cancelling';
  if (isDownloadOnlyDone(order, feedback)) return 'report-success';
  switch (feedback.execution) {
    case 'closed':
      // `none` counts as success: plain clients close like that.
      return feedback.finished === 'failure' ? 'report-failure' : 'report-success';
    case 'canceled':
      return cancelling ? 'cancel-accepted' : 'report-warning';
    case 'rejected':
      return 'report-warning';
    // The product has not seen the cancellation yet: what it does meanwhile is noted, the state stays.
    case 'scheduled':
      return cancelling ? 'report-warning' : 'report-waiting';
    case 'download':
      return cancelling ? 'report-warning' : 'report-download';
    case 'downloaded':
      return cancelling ? 'report-warning' : 'report-downloaded';
    case 'proceeding':
    case 'resumed':
      return cancelling ? 'report-warning' : 'report-installing';
  }
}

/** Why a product failed: its own word where it gives one (`<reason>: …`), else what it was doing. */
export function failureReason(feedback: Feedback, state: TargetState): FailureReason {
  for (const message of feedback.messages) {
    const word = /^([a-z]+):/.exec(message)?.[1];
    const found = FAILURE_REASONS.find((reason) => reason === word);
    if (found !== undefined) return found;
  }
  return state === 'delivered' || state === 'downloading' ? 'download' : 'installation';
}

/** 0 to 100, or null when the message tells none. */
export function percentOf(feedback: Feedback): number | null {
  if (feedback.progress === null) return null;
  return Math.max(0, Math.min(100, Math.round((100 * feedback.progress.done) / feedback.progress.total)));
}
