import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import { DataSource, type EntityManager } from 'typeorm';
import { nothingAlongside, retried, type Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { CommandService, type DeployedRelease, type NewTarget } from '../commands/commands.api.js';
import { DeploymentObservers } from './deployment.observers.js';
import { targetExpiry, type DeploymentOrder } from './deployment.order.js';
import { DeploymentPlanner, type PlannedPart } from './deployment.planner.js';
import { DeploymentRepository } from './deployment.repository.js';
import { letsEverybodyThrough, type PlannedTarget } from './deployment.targets.js';
import { RingRunner } from './ring.runner.js';
import type { WantedRelease } from './target-decision.js';

export interface OrderedDeployment {
  id: string;
  /** Of the first part: patterns before engines. */
  commandId: string;
  commandIds: string[];
}

/** Products of later rings wait this long at most; each has its own time from the moment at which it is let through. */
const LONGEST_WAIT_DAYS = 30;
const DAY = 86_400_000;
/**
 * Orders that are written at the same time. Each reads settings of commands while it holds its own connection: more of them
 * than half of the pool could wait for each other's connections for ever. They are taken in one after the other anyway.
 */
const WRITING = 4;

/** Orders deployments and previews them. */
@Injectable()
export class DeploymentService {
  private readonly writing = pLimit(WRITING);

  constructor(
    private readonly dataSource: DataSource,
    private readonly planner: DeploymentPlanner,
    private readonly repository: DeploymentRepository,
    private readonly commands: CommandService,
    private readonly runner: RingRunner,
    private readonly observers: DeploymentObservers,
    private readonly clock: Clock,
  ) {}

  preview(order: DeploymentOrder): Promise<PlannedPart[]> {
    return this.planner.plan(order);
  }

  /**
   * One short transaction, whatever the number of products; `within` joins it. Throws as `DeploymentPlanner.plan` does, and
   * then nothing is left behind.
   */
  async order(
    order: DeploymentOrder,
    within: (manager: EntityManager) => Promise<boolean> = () => Promise.resolve(true),
    alongside: Alongside<OrderedDeployment> = nothingAlongside,
  ): Promise<OrderedDeployment | null> {
    const parts = await this.planner.plan(order);
    const id = randomUUID();
    const made = await this.writing(() =>
      retried(this.dataSource, async (manager) => {
        if (!(await within(manager))) return null;
        const recorded = await this.record(manager, id, order, parts);
        await alongside(manager, orderedOf(id, recorded));
        return recorded;
      }),
    );
    if (made === null) return null;
    // The first ring opens with the order, not with the next sweep.
    for (const { partId, direct } of made) if (!direct) await this.runner.follow(partId);
    for (const { commandId, kind } of made)
      await this.observers.tell({
        deploymentId: id,
        commandId,
        part: kind,
        kind: 'started',
        reason: null,
        details: {},
      });
    return orderedOf(id, made);
  }

  private async record(
    manager: EntityManager,
    id: string,
    order: DeploymentOrder,
    parts: readonly PlannedPart[],
  ): Promise<{ partId: string; commandId: string; kind: PlannedPart['kind']; direct: boolean }[]> {
    const now = this.clock.now();
    await this.repository.insert(manager, {
      id,
      createdAt: now,
      createdBy: order.actor,
      trigger: order.trigger,
      downloadId: order.downloadId,
      planId: order.plan.id,
      planName: order.plan.name,
      releases: parts.flatMap((part) =>
        part.releases.map((release) => ({ ...deployedRelease(release), olderToo: release.olderToo })),
      ),
      selection: order.selection,
      mode: order.mode,
      window: order.window,
      forced: order.force,
      endedAt: null,
    });
    const made = [];
    for (const part of parts) {
      const direct = letsEverybodyThrough(part.plan);
      // Whoever may still be let in must not be a target already.
      const targets = part.plan.lateJoiners
        ? part.targets.filter(({ reason }) => reason !== 'agent-pending')
        : part.targets;
      const { commandId } = await this.commands.create(
        {
          type: 'deploy',
          issuedBy: order.actor,
          origin: order.trigger === 'person' ? 'person' : 'plan',
          parameters: {
            releases: part.releases.map(deployedRelease),
            mode: order.mode,
            window: order.window,
            needsConfirmation: order.needsConfirmation,
          },
          targets: targets.map((target) => newTarget(target, direct)),
          expiresAt: direct ? targetExpiry(order, now) : new Date(now.getTime() + LONGEST_WAIT_DAYS * DAY),
          deploymentId: id,
          ...(order.tries === null ? {} : { tries: order.tries }),
          ...(order.retryMinutes === null ? {} : { retryMinutes: order.retryMinutes }),
        },
        manager,
      );
      const partId = await this.repository.insertPart(
        manager,
        {
          deploymentId: id,
          kind: part.kind,
          commandId,
          ...part.plan,
          basisAt: order.basisAt,
          targetHours: order.expiresInHours,
          state: 'running',
          changedBy: order.actor,
        },
        direct,
        now,
      );
      if (!direct) await this.repository.insertMembers(manager, partId, membersOf(targets));
      made.push({ partId, commandId, kind: part.kind, direct });
    }
    return made;
  }
}

function orderedOf(id: string, parts: readonly { commandId: string }[]): OrderedDeployment {
  const commandIds = parts.map(({ commandId }) => commandId);
  return { id, commandId: commandIds[0] ?? '', commandIds };
}

export function membersOf(targets: readonly PlannedTarget[]): { controllerId: string; ring: number }[] {
  return targets.flatMap(({ controllerId, ring }) => (ring === null ? [] : [{ controllerId, ring }]));
}

/** As commands want it: only the components that this product lacks. */
export function newTarget(target: PlannedTarget, direct: boolean): NewTarget {
  const due = target.components.filter(({ action }) => action === 'deploy');
  const told = due.length > 0 ? due : target.components;
  return {
    controllerId: target.controllerId,
    state: target.action === 'deploy' ? 'queued' : 'skipped',
    reason: target.reason,
    versionBefore: told.length === 1 ? (told[0]?.versionBefore ?? null) : null,
    components: told.map(({ componentId }) => componentId),
    held: target.action === 'deploy' && !direct ? 'ring' : null,
  };
}

function deployedRelease({ componentId, releaseId, version, variant, channel }: WantedRelease): DeployedRelease {
  return { componentId, releaseId, version, variant, channel };
}
