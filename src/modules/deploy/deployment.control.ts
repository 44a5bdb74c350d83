import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { retried, type Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { CommandService } from '../commands/commands.api.js';
import { deploymentUnknown, type Wish, wrongState } from './deployment.errors.js';
import type { DeploymentPart, PartKind, PartState } from './deployment.entity.js';
import { DeploymentRepository } from './deployment.repository.js';
import { RingRepository } from './ring.repository.js';
import { RingRunner } from './ring.runner.js';

type Change = (manager: EntityManager, part: DeploymentPart) => Promise<void>;

interface Step {
  /** As the refusal names it. */
  wish: Wish;
  /** Of parts that it can be done to. */
  states: readonly PartState[];
  /** Told the deployment's id. */
  alongside: Alongside<string>;
}

/** What people order while a deployment runs. Every change holds the part, so that it never meets a ring that just opens. */
@Injectable()
export class DeploymentControl {
  constructor(
    private readonly dataSource: DataSource,
    private readonly deployments: DeploymentRepository,
    private readonly rings: RingRepository,
    private readonly runner: RingRunner,
    private readonly commands: CommandService,
    private readonly clock: Clock,
  ) {}

  /** No ring opens and nobody new is told; who has begun goes on. @throws `deployment-unknown`, `deployment-ended`, `deployment-state`. */
  async pause(id: string, actor: string, alongside: Alongside<string>): Promise<void> {
    await this.each(id, { wish: 'pause', states: ['running'], alongside }, async (manager, part) => {
      await this.rings.setState(manager, part, { state: 'paused', reason: 'by-person', actor }, this.clock.now());
      await this.commands.holdAll(part.commandId, 'deployment-paused', manager);
    });
  }

  /** Goes on in spite of what went wrong so far: it does not pause for that again. @throws as `pause`. */
  async resume(id: string, actor: string, alongside: Alongside<string>): Promise<void> {
    await this.each(id, { wish: 'resume', states: ['paused'], alongside }, (manager, part) =>
      this.goOn(manager, part, actor),
    );
  }

  /** Withdraws what waits and asks products that have begun to stop. @throws as `pause`. */
  async abort(id: string, actor: string, alongside: Alongside<string>): Promise<void> {
    await this.each(id, { wish: 'abort', states: ['running', 'paused'], alongside }, async (manager, part) => {
      await this.rings.setState(manager, part, { state: 'aborted', reason: 'by-person', actor }, this.clock.now());
      await this.commands.cancel(part.commandId, actor, manager);
    });
  }

  /**
   * A person's word for the gate of a ring. With `override` the ring passes now, whatever its results, and a pause ends.
   * @throws also `ring-unknown`, `ring-passed`, `ring-not-open` (only with `override`).
   */
  async approve(
    id: string,
    position: number,
    order: { part: PartKind | null; override: boolean },
    actor: string,
    alongside: Alongside<string>,
  ): Promise<void> {
    const concerned = (part: DeploymentPart): boolean =>
      part.rings[position] !== undefined && (order.part === null || part.kind === order.part);
    const parts = (await this.parts(id)).filter(concerned);
    if (parts.length === 0)
      throw new AppError('not-found', 'ring-unknown', {
        details: { ring: position },
      });
    const approve: Change = async (manager, part) => {
      const ring = (await this.rings.rings(manager, part.id))[position];
      if (ring === undefined || ring.state === 'passed')
        throw new AppError('conflict', 'ring-passed', { values: { position } });
      await this.rings.approve(manager, part.id, position, actor, this.clock.now());
      if (!order.override) return;
      if (ring.state !== 'open') throw new AppError('conflict', 'ring-not-open', { values: { position } });
      await this.rings.pass(manager, part.id, position, this.clock.now());
      if (part.state === 'paused') await this.goOn(manager, part, actor);
    };
    await this.each(id, { wish: 'approve', states: ['running', 'paused'], alongside }, approve, concerned);
  }

  private async goOn(manager: EntityManager, part: DeploymentPart, actor: string): Promise<void> {
    const now = this.clock.now();
    const standings = await this.rings.standings(part, now, manager);
    for (const [position, { counts }] of standings.entries())
      await this.rings.forgive(manager, part.id, position, counts);
    await this.rings.setState(manager, part, { state: 'running', reason: null, actor }, now);
  }

  private async parts(id: string): Promise<DeploymentPart[]> {
    if ((await this.deployments.find(id)) === null) throw deploymentUnknown(id);
    return (await this.deployments.parts([id])).get(id) ?? [];
  }

  /** All parts in one transaction; those in another state are left alone, unless no part has the right one. */
  private async each(
    id: string,
    { wish, states, alongside }: Step,
    change: Change,
    concerned: (part: DeploymentPart) => boolean = () => true,
  ): Promise<void> {
    const parts = (await this.parts(id)).filter(concerned);
    await retried(this.dataSource, async (manager) => {
      const found: PartState[] = [];
      let changed = 0;
      // Always in the same order, so that two people never wait for each other.
      for (const { id: partId } of [...parts].sort((a, b) => (a.id < b.id ? -1 : 1))) {
        const part = await this.rings.lock(manager, partId, false);
        if (part === null) continue;
        found.push(part.state);
        if (!states.includes(part.state)) continue;
        await change(manager, part);
        changed += 1;
      }
      if (changed === 0) throw wrongState(wish, found);
      await alongside(manager, id);
    });
    for (const part of parts) await this.runner.follow(part.id);
  }
}
