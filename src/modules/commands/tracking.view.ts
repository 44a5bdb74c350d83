import type { Standing } from '../agents/agents.api.js';
import { texts, isTextKey, type Sentence } from '../../platform/texts/texts.js';
import { noCounts } from './command.repository.js';
import { SERVER, type DeployParameters, type StateCounts, type TargetRow } from './command.types.js';
import { isWindowOpen } from './maintenance-window.js';
import { readWords } from './server-words.js';
import { GROUP_OF, type TargetState } from './target-states.js';
import type { AttemptRow, MessageRow, TrackedCommand } from './tracking.repository.js';

/** Numbers of targets, as people ask for them. */
export interface CountsView {
  all: number;
  successful: number;
  unsuccessful: number;
  inProgress: number;
  waiting: number;
  skipped: number;
  superseded: number;
  expired: number;
  cancelled: number;
}

export interface CommandView {
  id: string;
  type: string;
  origin: string;
  state: 'open' | 'ended';
  issuedAt: string;
  issuedBy: string;
  endedAt: string | null;
  expiresAt: string;
  cancelledAt: string | null;
  cancelledBy: string | null;
  components: string[];
  deploymentId: string | null;
  downloadId: string | null;
  releaseId: string | null;
  counts: CountsView;
  /** By state, in full. */
  states: StateCounts;
}

export interface TargetView {
  controllerId: string;
  state: TargetState;
  group: string;
  reason: string | null;
  /** The reason in words. */
  text: Sentence | null;
  since: string;
  held: string | null;
  attempt: number;
  tries: number;
  nextAttemptAt: string | null;
  components: string[];
  versionBefore: string | null;
  versionAfter: string | null;
  confirmation: string | null;
  /** 0 to 100, where the product tells. */
  progress: number | null;
  lastProgressAt: string;
  slowSince: string | null;
  supersededBy: string | null;
  deliveredAt: string | null;
  expiresAt: string;
  endedAt: string | null;
  /** The product's own number and text; of the server's own work in English. */
  code: number | null;
  message: string | null;
  messages: string[];
  /** The same in every language, where the server says it; the words of a product are its own: null, and none. */
  messageText: Sentence | null;
  messageTexts: Sentence[];
  /** Texts that were too many or too long to be kept, or whole reports beyond the 1,000 of a try. */
  droppedMessages: number;
}

export interface TimelineEntry {
  at: string;
  attempt: number;
  execution: string;
  finished: string;
  code: number | null;
  progress: { done: number; total: number } | null;
  messages: string[];
  /** As in the target. */
  messageTexts: Sentence[];
  dropped: number;
}

export function commandView(command: TrackedCommand, counts: StateCounts): CommandView {
  return {
    id: command.id,
    type: command.type,
    origin: command.origin,
    state: command.endedAt === null ? 'open' : 'ended',
    issuedAt: command.issuedAt.toISOString(),
    issuedBy: command.issuedBy,
    endedAt: command.endedAt?.toISOString() ?? null,
    expiresAt: command.expiresAt.toISOString(),
    cancelledAt: command.cancelledAt?.toISOString() ?? null,
    cancelledBy: command.cancelledBy,
    components: command.components,
    deploymentId: command.deploymentId,
    downloadId: command.downloadId,
    releaseId: command.releaseId,
    counts: countsView(counts),
    states: counts,
  };
}

export function countsView(counts: StateCounts): CountsView {
  const of = (group: string): number =>
    Object.entries(counts).reduce(
      (sum, [state, targets]) => sum + (GROUP_OF[state as TargetState] === group ? targets : 0),
      0,
    );
  return {
    all: Object.values(counts).reduce((sum, targets) => sum + targets, 0),
    successful: of('successful'),
    unsuccessful: of('unsuccessful'),
    inProgress: of('inProgress'),
    waiting: of('waiting'),
    skipped: counts.skipped,
    superseded: counts.superseded,
    expired: counts.expired,
    cancelled: counts.cancelled,
  };
}

/** The numbers of an ended command stand in its own row. */
export function countsOf(command: TrackedCommand, open: ReadonlyMap<string, StateCounts>): StateCounts {
  if (command.counts !== null) return { ...noCounts(), ...command.counts };
  return open.get(command.seq) ?? noCounts();
}

export function targetView(
  command: TrackedCommand,
  target: TargetRow,
  standing: Standing | undefined,
  messages: string[],
  now: Date,
): TargetView {
  const reason = reasonOf(command, target, standing, now);
  const own = target.controllerId === SERVER;
  const said = wordsOf(target.controllerId, target.message === null ? [] : [target.message]);
  return {
    controllerId: target.controllerId,
    state: target.state,
    group: GROUP_OF[target.state],
    reason,
    text: reasonText(reason, own, { command: target.supersededBy ?? '', actor: command.cancelledBy ?? '' }),
    since: target.since.toISOString(),
    held: target.held,
    attempt: target.attempt,
    tries: command.tries,
    nextAttemptAt: target.nextAttemptAt?.toISOString() ?? null,
    components: target.components,
    versionBefore: target.versionBefore,
    versionAfter: target.versionAfter,
    confirmation: target.confirmation,
    progress: target.progress,
    lastProgressAt: target.progressAt.toISOString(),
    slowSince: target.slowSince?.toISOString() ?? null,
    supersededBy: target.supersededBy,
    deliveredAt: target.deliveredAt?.toISOString() ?? null,
    expiresAt: target.expiresAt.toISOString(),
    endedAt: target.endedAt?.toISOString() ?? null,
    code: target.code,
    message: said.messages[0] ?? null,
    messageText: said.messageTexts[0] ?? null,
    ...wordsOf(target.controllerId, messages),
    droppedMessages: target.droppedMessages,
  };
}

/** The server's own work does not fail as that of a product does. */
function reasonText(reason: string | null, own: boolean, values: Record<string, unknown>): Sentence | null {
  const key = [`target.${reason}.server`, `target.${reason}`].slice(own ? 0 : 1).find(isTextKey);
  return key === undefined ? null : texts(key, () => values);
}

/** What was told, as a target and its timeline show it. */
function wordsOf(controllerId: string, kept: readonly string[]): Pick<TargetView, 'messages' | 'messageTexts'> {
  if (controllerId !== SERVER) return { messages: [...kept], messageTexts: [] };
  const messageTexts = kept.map(readWords);
  return { messages: messageTexts.map(({ en }) => en), messageTexts };
}

/** Why a target that is offered has not been fetched follows from how its product stands now. */
function reasonOf(
  command: TrackedCommand,
  target: TargetRow,
  standing: Standing | undefined,
  now: Date,
): string | null {
  if (target.state !== 'queued') return target.reason;
  if (target.held !== null) return target.reason ?? HELD_REASON[target.held] ?? null;
  if (standing === undefined) return target.reason;
  if (standing.approval !== 'approved') return `agent-${standing.approval}`;
  if (standing.connection !== 'online') return standing.connection === 'never' ? 'never-seen' : 'offline';
  if (standing.ownUpdateRunning) return 'own-update-running';
  if (target.confirmation === 'needed') return 'needs-confirmation';
  if (target.confirmation === 'denied') return 'confirmation-denied';
  const { window = null } = command.parameters as Partial<DeployParameters>;
  if (command.type === 'deploy' && !isWindowOpen(window, now)) return 'outside-window';
  return 'waiting-for-agent';
}

const HELD_REASON: Record<string, string> = {
  ring: 'ring-not-open',
  paused: 'deployment-paused',
  order: 'other-update-running',
  retry: 'retry-waiting',
};

export function attemptView({ deliveredAt, endedAt, ...row }: AttemptRow): Record<string, unknown> {
  return { ...row, deliveredAt: deliveredAt?.toISOString() ?? null, endedAt: endedAt.toISOString() };
}

export function timelineEntry(controllerId: string, row: MessageRow): TimelineEntry {
  return {
    at: row.at.toISOString(),
    attempt: row.attempt,
    execution: row.execution,
    finished: row.finished,
    code: row.code,
    progress: row.done === null || row.total === null ? null : { done: row.done, total: row.total },
    ...wordsOf(controllerId, row.messages),
    dropped: row.dropped,
  };
}
