import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { retried } from '../../database/transaction.js';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { inventoryItem, ProductRecord, type Feedback } from '../agents/agents.api.js';
import { ActionRepository, type ActionRow } from './action.repository.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandHeads } from './command-heads.js';
import type { CommandHead } from './command.repository.js';
import type { DeployParameters } from './command.types.js';
import { eventOf, failureReason, percentOf } from './feedback-rules.js';
import { OrderIntake } from './order-intake.js';
import { FINAL_STATES, transitionOf, type TargetEvent, type TargetState } from './target-states.js';

/** Feedbacks of one action that are kept; later ones still change its state. */
const MAX_FEEDBACKS = 1_000;

type Installed = ReturnType<typeof inventoryItem>[];

/** What became of a message. */
interface Outcome {
  state: TargetState;
  reason: string | null;
  /** What the product is offered changed. */
  wakes: boolean;
}

/** Takes what products tell of their actions. One transaction each; the action's row is held, so that two never interleave. */
@Injectable()
export class FeedbackService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly actions: ActionRepository,
    private readonly heads: CommandHeads,
    private readonly intake: OrderIntake,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly catalogue: CatalogueRepository,
    private readonly products: ProductRecord,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `action-unknown`, `action-closed`. */
  async take(controllerId: string, actionId: string, feedback: Feedback): Promise<void> {
    await this.handle(controllerId, actionId, feedback, (action) => eventOf(feedback, action.state));
  }

  /** @throws AppError `action-unknown`, `action-closed`; `action-unknown` also when no cancellation is open. */
  async takeForCancellation(controllerId: string, actionId: string, feedback: Feedback): Promise<void> {
    await this.handle(controllerId, actionId, feedback, (action) => {
      if (action.state !== 'cancelling') throw unknown();
      if (feedback.execution === 'rejected' || (feedback.execution === 'closed' && feedback.finished === 'failure'))
        return 'cancel-refused';
      return feedback.execution === 'closed' || feedback.execution === 'canceled'
        ? 'cancel-accepted'
        : 'report-warning';
    });
  }

  private async handle(
    controllerId: string,
    actionId: string,
    feedback: Feedback,
    decide: (action: ActionRow) => TargetEvent,
  ): Promise<void> {
    const found = await this.actions.find(controllerId, actionId);
    if (found === null) throw (await this.actions.wasTried(controllerId, actionId)) ? closed() : unknown();
    if (found.endedAt !== null) throw closed();
    const command = await this.heads.get(found.commandSeq);
    const now = this.clock.now();
    // Read before the transaction: within it, it would take a second connection, and a crowd of products that end at the
    // same moment would then wait for each other until none gets one.
    const installed = feedback.execution === 'closed' ? await this.installedBy(command, found) : [];
    const outcome = await retried(this.dataSource, async (manager) => {
      const action = await this.actions.lock(manager, found);
      // Ended, or tried again, while we waited for the row.
      if (action === null || action.endedAt !== null || action.actionId !== actionId) throw closed();
      if (action.held !== null && action.state === 'queued') throw unknown();
      await this.note(manager, action, feedback, now);
      return this.apply(manager, command, action, decide(action), { feedback, installed }, now);
    });
    this.feed.target(
      {
        commandId: command.id,
        deploymentId: command.deploymentId,
        controllerId,
        state: outcome.state,
        reason: outcome.reason,
      },
      outcome.wakes,
    );
    if (FINAL_STATES.includes(outcome.state)) {
      this.ends.look(command.seq);
      if (command.components.length > 0) this.ends.promoteLater([controllerId]);
    }
  }

  private async note(manager: EntityManager, action: ActionRow, feedback: Feedback, now: Date): Promise<void> {
    const kept = action.feedbackCount < MAX_FEEDBACKS;
    if (kept) await this.actions.addMessage(manager, action, feedback, now);
  }

  private async apply(
    manager: EntityManager,
    command: CommandHead,
    action: ActionRow,
    event: TargetEvent,
    { feedback, installed }: { feedback: Feedback; installed: Installed },
    now: Date,
  ): Promise<Outcome> {
    const kept = action.feedbackCount < MAX_FEEDBACKS;
    const progress = {
      progress_at: now,
      slow_since: null,
      progress: percentOf(feedback),
      feedback_count: action.feedbackCount + (kept ? 1 : 0),
      ...(feedback.messages[0] === undefined ? {} : { message: feedback.messages[0] }),
      ...(feedback.code === null ? {} : { code: feedback.code }),
    };
    const dropped = feedback.dropped + (kept ? 0 : feedback.messages.length);
    if (dropped > 0) await this.countDropped(manager, action, dropped);
    if (event === 'report-success') return this.succeed(manager, command, action, progress, { feedback, installed }, now);
    if (event === 'report-failure') return this.fail(manager, command, action, progress, feedback, now);
    if (event === 'cancel-accepted') {
      await this.change(manager, action, event, { ...progress, since: now, ended_at: now, reason: 'cancel-accepted' });
      await this.finish(manager, action, 'cancelled', 'cancel-accepted', feedback, now);
      return { state: 'cancelled', reason: 'cancel-accepted', wakes: true };
    }
    if (event === 'cancel-refused') {
      const state = action.stateBeforeCancel ?? 'delivered';
      const back = { state, since: now, reason: 'cancel-refused', state_before_cancel: null };
      await this.change(manager, action, event, { ...progress, ...back });
      return { state, reason: 'cancel-refused', wakes: true };
    }
    return this.moveOn(manager, action, event, progress, now);
  }

  /** A phase, or a word in between. */
  private async moveOn(
    manager: EntityManager,
    action: ActionRow,
    event: TargetEvent,
    progress: Record<string, unknown>,
    now: Date,
  ): Promise<Outcome> {
    const { to } = transitionOf(event);
    const state = to === null || to === 'before' ? action.state : to;
    await this.change(manager, action, event, {
      ...progress,
      ...(state === action.state ? {} : { state, since: now, reason: null }),
      ...(action.deliveredAt === null ? { delivered_at: now } : {}),
    });
    return { state, reason: null, wakes: action.state === 'queued' };
  }

  private async succeed(
    manager: EntityManager,
    command: CommandHead,
    action: ActionRow,
    progress: Record<string, unknown>,
    { feedback, installed }: { feedback: Feedback; installed: Installed },
    now: Date,
  ): Promise<Outcome> {
    const late = action.state === 'cancelling' ? 'cancelled-too-late' : null;
    await this.change(manager, action, 'report-success', {
      ...progress,
      state: 'succeeded',
      reason: late,
      since: now,
      ended_at: now,
      progress: 100,
      version_after: installed.map((item) => item.version).join(', ') || null,
    });
    await this.finish(manager, action, 'succeeded', late, feedback, now);
    if (command.type === 'deploy') {
      await this.actions.setInstalled(manager, action, now);
      await this.products.installed(manager, action.controllerId, installed, now);
    }
    return { state: 'succeeded', reason: late, wakes: true };
  }

  private async fail(
    manager: EntityManager,
    command: CommandHead,
    action: ActionRow,
    progress: Record<string, unknown>,
    feedback: Feedback,
    now: Date,
  ): Promise<Outcome> {
    const reason = failureReason(feedback, action.state);
    const next = new Date(now.getTime() + command.retryMinutes * 60_000);
    const again = action.attempt < command.tries && action.state !== 'cancelling' && next < action.expiresAt;
    if (!again) {
      await this.change(manager, action, 'report-failure', {
        ...progress,
        state: 'failed',
        reason,
        since: now,
        ended_at: now,
      });
      await this.finish(manager, action, 'failed', reason, feedback, now);
      return { state: 'failed', reason, wakes: true };
    }
    await this.attempt(manager, action, 'failed', reason, feedback, now);
    await this.change(manager, action, 'try-again', {
      ...progress,
      state: 'queued',
      held: 'retry',
      reason: 'retry-waiting',
      since: now,
      attempt: action.attempt + 1,
      action_id: await this.actions.nextActionId(manager),
      next_attempt_at: next,
      progress: null,
      delivered_at: null,
      feedback_count: 0,
    });
    return { state: 'queued', reason: 'retry-waiting', wakes: true };
  }

  /** Versions that are in force after the order succeeded. */
  /** What the product has when it succeeds. */
  private async installedBy(command: CommandHead, action: ActionRow): Promise<Installed> {
    if (command.type !== 'deploy') return [];
    const numberings = new Map((await this.catalogue.list()).map(({ id, numbering }) => [id, numbering]));
    return (command.parameters as DeployParameters).releases
      .filter(({ componentId }) => action.components.includes(componentId))
      .map(({ componentId, version }) => inventoryItem(componentId, version, numberings.get(componentId)));
  }

  private async finish(
    manager: EntityManager,
    action: ActionRow,
    state: TargetState,
    reason: string | null,
    feedback: Feedback,
    now: Date,
  ): Promise<void> {
    await this.attempt(manager, action, state, reason, feedback, now);
    if (action.components.length > 0) await this.intake.free(manager, action.commandSeq, [action.controllerId]);
  }

  private attempt(
    manager: EntityManager,
    action: ActionRow,
    state: TargetState,
    reason: string | null,
    feedback: Feedback,
    now: Date,
  ): Promise<void> {
    const message = feedback.messages[0] ?? null;
    return this.actions.addAttempt(manager, action, { state, reason, code: feedback.code, message, now });
  }

  private async countDropped(manager: EntityManager, action: ActionRow, dropped: number): Promise<void> {
    await manager.query(
      `update command_target set dropped_messages = dropped_messages + $4 where month = $1 and command_seq = $2 and controller_id = $3`,
      [action.month, action.commandSeq, action.controllerId, dropped],
    );
  }

  /** @throws `action-closed` when the state is not one from which the event leads on. */
  private async change(
    manager: EntityManager,
    action: ActionRow,
    event: TargetEvent,
    to: Record<string, unknown>,
  ): Promise<void> {
    const { from, to: state } = transitionOf(event);
    const values = state === null || state === 'before' ? to : { state, ...to };
    if (!(await this.actions.change(manager, action, action.actionId, from, values))) throw closed();
  }
}

function unknown(): AppError {
  return new AppError('not-found', 'action-unknown', 'There is no such action for this product.');
}

function closed(): AppError {
  return new AppError('gone', 'action-closed', 'The action is no longer active.');
}
