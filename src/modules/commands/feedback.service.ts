import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { retried } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import {
  ComponentNumberings,
  inventoryItem,
  ProductRecord,
  type Feedback,
  type InventoryItem,
} from '../agents/agents.api.js';
import { closedAction, unknownAction } from './action.errors.js';
import { ActionRepository, type ActionKey, type ActionRow } from './action.repository.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandHeads } from './command-heads.js';
import type { CommandHead } from './command.repository.js';
import type { DeployParameters } from './command.types.js';
import { factsOf, MAX_FEEDBACKS, outcomeOf, type Outcome } from './feedback-outcome.js';
import { eventOf, isDownloadOnlyDone } from './feedback-rules.js';
import { transitionOf, type TargetEvent } from './target-states.js';

/** Takes what products tell of their actions. One transaction each; the action's row is held, so that two never interleave. */
@Injectable()
export class FeedbackService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly actions: ActionRepository,
    private readonly heads: CommandHeads,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly numberings: ComponentNumberings,
    private readonly products: ProductRecord,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `action-unknown`, `action-closed`. */
  async take(controllerId: string, actionId: string, feedback: Feedback): Promise<void> {
    await this.handle(controllerId, actionId, feedback, (action, command) => eventOf(command, feedback, action.state));
  }

  /** @throws AppError `action-unknown`, `action-closed`; `action-unknown` also when no cancellation is open. */
  async takeForCancellation(controllerId: string, actionId: string, feedback: Feedback): Promise<void> {
    const { execution, finished } = feedback;
    await this.handle(controllerId, actionId, feedback, (action) => {
      if (action.state !== 'cancelling') throw unknownAction();
      if (execution === 'rejected' || (execution === 'closed' && finished === 'failure')) return 'cancel-refused';
      return execution === 'closed' || execution === 'canceled' ? 'cancel-accepted' : 'report-warning';
    });
  }

  private async handle(
    controllerId: string,
    actionId: string,
    feedback: Feedback,
    decide: (action: ActionRow, command: CommandHead) => TargetEvent,
  ): Promise<void> {
    const key = this.actions.keyOf(controllerId, actionId) ?? (await this.locate(controllerId, actionId));
    const command = await this.heads.get(key.commandSeq);
    // Whatever needs a connection of its own comes before the transaction: within it, a crowd of products that end at the
    // same moment would wait for each other until none gets one.
    const numberings = await this.numberings.of(command.components);
    const now = this.clock.now();
    const outcome = await retried(this.dataSource, async (manager) => {
      const action = await this.actions.lock(manager, key);
      // Ended, or tried again, perhaps while we waited for the row.
      if (action === null || action.actionId !== actionId) throw closedAction();
      if (action.endedAt !== null) {
        if (!isDoneTooLate(command, action, feedback)) throw closedAction();
        await this.products.outdated(manager, controllerId);
        return null;
      }
      if (action.held !== null) throw unknownAction();
      const onlyDownloaded = isDownloadOnlyDone(command, feedback);
      const installed = onlyDownloaded ? [] : installedBy(command, action, numberings);
      const versionAfter = installed.map((item) => item.version).join(', ') || null;
      const decided = outcomeOf(command, action, decide(action, command), { feedback, now, versionAfter });
      await this.write(manager, action, decided, { feedback, now, installed: installed.length > 0 });
      if (decided.state === 'succeeded' && command.components.length > 0 && !onlyDownloaded)
        await this.products.installed(manager, controllerId, installed, now);
      return decided;
    });
    if (outcome === null) {
      this.feed.products([controllerId]);
      throw closedAction();
    }
    const { state, reason, wakes, final } = outcome;
    this.feed.target({ commandId: command.id, deploymentId: command.deploymentId, controllerId, state, reason }, wakes);
    if (!final) return;
    this.ends.look(command.seq);
    if (command.components.length > 0) this.ends.promoteLater([controllerId]);
  }

  private async write(
    manager: EntityManager,
    action: ActionRow,
    outcome: Outcome,
    { feedback, now, installed }: { feedback: Feedback; now: Date; installed: boolean },
  ): Promise<void> {
    const actionId = outcome.again ? { action_id: await this.actions.nextActionId(manager) } : {};
    const written = await this.actions.write(manager, action, {
      from: transitionOf(outcome.event).from,
      set: { ...factsOf(action, feedback, now), ...outcome.set, ...actionId },
      feedback: action.feedbackCount < MAX_FEEDBACKS ? feedback : null,
      attempt: outcome.attempt,
      free: outcome.final && action.components.length > 0,
      installed: outcome.state === 'succeeded' && installed,
      now,
    });
    if (!written) throw closedAction();
  }

  /** @throws `action-unknown`, `action-closed` for one of an earlier try. */
  private async locate(controllerId: string, actionId: string): Promise<ActionKey> {
    const found = await this.actions.find(controllerId, actionId);
    if (found !== null) return found;
    throw (await this.actions.wasTried(controllerId, actionId)) ? closedAction() : unknownAction();
  }
}

/** The product went on after its order had expired: what it has now is not what we believe. */
function isDoneTooLate({ components }: CommandHead, { state }: ActionRow, { execution, finished }: Feedback): boolean {
  return components.length > 0 && state === 'expired' && execution === 'closed' && finished !== 'failure';
}

/** What the product has when the order succeeds. */
function installedBy(
  command: CommandHead,
  action: ActionRow,
  numberings: Awaited<ReturnType<ComponentNumberings['of']>>,
): InventoryItem[] {
  if (command.type !== 'deploy') return [];
  return (command.parameters as DeployParameters).releases
    .filter(({ componentId }) => action.components.includes(componentId))
    .map(({ componentId, version }) => inventoryItem(componentId, version, numberings.get(componentId)));
}
