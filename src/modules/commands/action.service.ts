import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { afterCommit, inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import {
  ActionPort,
  ProductRecord,
  WorkGate,
  type AgentWork,
  type AskingAgent,
  type Confirmation,
  type ContentFile,
  type DeploymentContent,
  type Feedback,
} from '../agents/agents.api.js';
import { closedAction, unknownAction, unknownModule } from './action.errors.js';
import {
  ActionRepository,
  type ActionChange,
  type ActionRow,
  type OpenAction,
  type WantedAction,
} from './action.repository.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandHeads } from './command-heads.js';
import type { CommandHead } from './command.repository.js';
import type { DeployParameters } from './command.types.js';
import { Deliveries } from './deliveries.js';
import { DeploymentContents, moduleOf } from './deployment-content.js';
import { MAX_FEEDBACKS } from './feedback-outcome.js';
import { FeedbackService } from './feedback.service.js';
import { unsealLicence } from './licence.parameters.js';
import { isWindowOpen } from './maintenance-window.js';
import { offeredWork } from './offered-work.js';

/** DDI's view of commands: one action for each target, and for each of its tries. */
@Injectable()
export class ActionService extends ActionPort {
  constructor(
    private readonly dataSource: DataSource,
    private readonly actions: ActionRepository,
    private readonly heads: CommandHeads,
    private readonly contents: DeploymentContents,
    private readonly deliveries: Deliveries,
    private readonly feedbacks: FeedbackService,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly products: ProductRecord,
    private readonly gate: WorkGate,
    private readonly secrets: SecretBox,
    private readonly clock: Clock,
  ) {
    super();
  }

  async workOf(controllerIds: readonly string[]): Promise<Map<string, AgentWork>> {
    const [open, installed] = await Promise.all([
      this.actions.open(controllerIds),
      this.actions.installed(controllerIds),
    ]);
    const byAgent = new Map<string, OpenAction[]>();
    for (const action of open) byAgent.set(action.controllerId, [...(byAgent.get(action.controllerId) ?? []), action]);
    const now = this.clock.now();
    const work = new Map<string, AgentWork>();
    for (const id of new Set([...byAgent.keys(), ...installed.keys()])) {
      const last = installed.get(id);
      work.set(id, {
        ...offeredWork(byAgent.get(id) ?? [], now),
        installed: last === undefined ? null : { actionId: last },
      });
    }
    return work;
  }

  async deployment(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent> {
    const action = await this.fetched(agent, actionId, 'deployment');
    const command = await this.heads.get(action.commandSeq);
    const content = (): Promise<DeploymentContent> => this.content(agent, command, action, historyLength);
    return historyLength === 0 ? content() : this.gate.run(content);
  }

  async confirmation(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent> {
    const action = await this.open(agent, actionId, 'deployment');
    if (action.confirmation === null || action.held !== null) throw unknownAction();
    return this.content(agent, await this.heads.get(action.commandSeq), action, historyLength);
  }

  async installed(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent> {
    const last = await this.actions.installedOf(agent.controllerId);
    if (last?.actionId !== actionId) throw unknownAction();
    const action = await this.actions.find(agent.controllerId, actionId);
    if (action === null) throw unknownAction();
    return this.content(agent, await this.heads.get(last.commandSeq), action, historyLength);
  }

  async command(agent: AskingAgent, actionId: string): Promise<{ type: string; parameters: object }> {
    const { type, parameters } = await this.heads.get((await this.fetched(agent, actionId, 'command')).commandSeq);
    if (type !== 'deliver-licence') return { type, parameters };
    return { type, parameters: unsealLicence(this.secrets, { ...parameters }) };
  }

  feedback(agent: AskingAgent, actionId: string, feedback: Feedback): Promise<void> {
    return this.feedbacks.take(agent.controllerId, actionId, feedback);
  }

  async cancellation(agent: AskingAgent, actionId: string): Promise<{ stopId: string }> {
    const action = await this.open(agent, actionId, null);
    if (action.state !== 'cancelling') throw unknownAction();
    return { stopId: actionId };
  }

  cancelFeedback(agent: AskingAgent, actionId: string, feedback: Feedback): Promise<void> {
    return this.feedbacks.takeForCancellation(agent.controllerId, actionId, feedback);
  }

  async confirm(agent: AskingAgent, actionId: string, answer: Confirmation): Promise<void> {
    const found = await this.open(agent, actionId, 'deployment');
    if (found.confirmation === null) throw unknownAction();
    const command = await this.heads.get(found.commandSeq);
    const confirmation = answer.confirmed ? 'confirmed' : 'denied';
    const action = await inTransaction(this.dataSource, async (manager) => {
      const locked = await this.actions.lock(manager, found);
      if (locked?.actionId !== actionId) throw closedAction();
      // Twice the same answer is one answer.
      if (locked.state === 'queued' && locked.confirmation === confirmation) return null;
      const change = consentChange(locked, confirmation, answer, this.clock.now());
      if (!(await this.actions.write(manager, locked, change))) throw closedAction();
      return locked;
    });
    if (action === null) return;
    this.changed(command, action.controllerId, 'queued', `consent-${confirmation}`);
  }

  async confirmAll(agent: AskingAgent): Promise<void> {
    await this.actions.confirmAll(this.dataSource.manager, agent.controllerId, this.clock.now());
    this.feed.products([agent.controllerId]);
  }

  async files(agent: AskingAgent, moduleId: string): Promise<ContentFile[]> {
    const { actionId } = moduleOf(moduleId);
    const action = await this.actions.find(agent.controllerId, actionId);
    // Assigned means: open, or the one that is installed.
    const assigned =
      action !== null &&
      ((action.endedAt === null && action.held === null) ||
        (await this.actions.installedOf(agent.controllerId))?.actionId === actionId);
    if (!assigned) throw unknownModule();
    const command = await this.heads.get(action.commandSeq);
    if (command.type !== 'deploy') throw unknownModule();
    const chunks = await this.chunks(agent, command, action);
    const chunk = chunks.find((each) => each.moduleId === moduleId);
    if (chunk === undefined) throw unknownModule();
    return [...chunk.artifacts, ...chunk.extras];
  }

  async agentRemoved(manager: EntityManager, controllerIds: readonly string[]): Promise<void> {
    const touched = await this.actions.endAllOf(manager, controllerIds, this.clock.now());
    for (const { seq, commandId, deploymentId } of touched)
      afterCommit(manager, () => {
        this.feed.command({ commandId, deploymentId });
        this.ends.look(seq);
      });
  }

  /** The product has the order now. Another request of the same product may have been faster: no matter. */
  private async fetched(agent: AskingAgent, actionId: string, kind: WantedAction['kind']): Promise<ActionRow> {
    const fetched = await this.deliveries.deliver({ controllerId: agent.controllerId, actionId, kind });
    if (fetched === null) return this.gate.run(() => this.fetchedBefore(agent, actionId, kind));
    const now = fetched.deliveredAt ?? this.clock.now();
    const command = await this.heads.get(fetched.commandSeq);
    if (agent.ownSchedule === 'on' && command.components.length > 0)
      await this.gate.run(() => this.products.pushed(this.dataSource.manager, agent.controllerId, now));
    this.feed.target(
      {
        commandId: command.id,
        deploymentId: command.deploymentId,
        controllerId: agent.controllerId,
        state: 'delivered',
        reason: null,
      },
      false,
    );
    return fetched;
  }

  private async fetchedBefore(agent: AskingAgent, actionId: string, kind: WantedAction['kind']): Promise<ActionRow> {
    const action = await this.open(agent, actionId, kind);
    // Not offered (yet): held back, or waiting for consent.
    if (action.state === 'queued') throw unknownAction();
    return action;
  }

  private async content(
    agent: AskingAgent,
    command: CommandHead,
    action: ActionRow,
    historyLength: number,
  ): Promise<DeploymentContent> {
    const { mode, window } = command.parameters as DeployParameters;
    const open = isWindowOpen(window, this.clock.now());
    return {
      actionId: action.actionId,
      download: mode.download,
      update: open ? mode.update : 'skip',
      maintenanceWindow: window === null ? null : open ? 'available' : 'unavailable',
      chunks: await this.chunks(agent, command, action),
      history: historyLength === 0 ? null : await this.history(action, historyLength),
    };
  }

  private chunks(
    agent: AskingAgent,
    command: CommandHead,
    action: ActionRow,
  ): ReturnType<DeploymentContents['chunks']> {
    const parameters = command.parameters as DeployParameters;
    return this.contents.chunks(
      action.actionId,
      parameters,
      action.components,
      agent.capabilities,
      action.versionBefore,
    );
  }

  private async history(action: ActionRow, length: number): Promise<{ status: string; messages: string[] }> {
    return { status: DDI_STATUS[action.state], messages: await this.actions.history(action, action.actionId, length) };
  }

  /** @throws `action-unknown`, `action-closed`. */
  private async open(agent: AskingAgent, actionId: string, kind: WantedAction['kind'] | null): Promise<ActionRow> {
    const action = await this.actions.find(agent.controllerId, actionId);
    if (action === null) {
      if (await this.actions.wasTried(agent.controllerId, actionId)) throw closedAction();
      throw unknownAction();
    }
    if (action.endedAt !== null) throw closedAction();
    if (kind !== null && ((await this.heads.get(action.commandSeq)).type === 'deploy') !== (kind === 'deployment'))
      throw unknownAction();
    return action;
  }

  private changed(command: CommandHead, controllerId: string, state: 'queued', reason: string): void {
    this.feed.target({ commandId: command.id, deploymentId: command.deploymentId, controllerId, state, reason }, true);
  }
}

/** Who has begun cannot take the consent back. */
function consentChange(
  action: ActionRow,
  confirmation: 'confirmed' | 'denied',
  { code, messages }: Confirmation,
  now: Date,
): ActionChange {
  const kept = action.feedbackCount < MAX_FEEDBACKS;
  const feedback: Feedback = {
    execution: 'scheduled',
    finished: 'none',
    code,
    progress: null,
    messages: [confirmation, ...messages].slice(0, 50),
    dropped: 0,
  };
  return {
    from: ['queued'],
    set: { confirmation, since: now, ...(kept ? { feedback_count: action.feedbackCount + 1 } : {}) },
    feedback: kept ? feedback : null,
    attempt: null,
    free: false,
    installed: false,
    now,
  };
}

/** hawkBit's words. */
const DDI_STATUS: Record<ActionRow['state'], string> = {
  queued: 'SCHEDULED',
  delivered: 'RETRIEVED',
  downloading: 'DOWNLOAD',
  downloaded: 'DOWNLOADED',
  installing: 'RUNNING',
  cancelling: 'CANCELING',
  succeeded: 'FINISHED',
  failed: 'ERROR',
  skipped: 'FINISHED',
  superseded: 'CANCELED',
  expired: 'CANCELED',
  cancelled: 'CANCELED',
};
