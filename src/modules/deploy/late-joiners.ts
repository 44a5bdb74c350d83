import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { retried } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { CommandService } from '../commands/commands.api.js';
import { DeploymentRepository } from './deployment.repository.js';
import { DeploymentPart, type Deployment } from './deployment.entity.js';
import { membersOf, newTarget } from './deployment.service.js';
import { letsEverybodyThrough, planLateJoiner, type Product } from './deployment.targets.js';
import { ProductRepository } from './product.repository.js';
import { RingRepository } from './ring.repository.js';
import { RunningOrders } from './running-orders.js';

/** How often a running deployment looks for products that came into its selection. */
const LOOK_MS = 30_000;

/** Takes products into running deployments that were enrolled, approved, moved or tagged after the order. */
@Injectable()
export class LateJoiners {
  constructor(
    private readonly dataSource: DataSource,
    private readonly deployments: DeploymentRepository,
    private readonly rings: RingRepository,
    private readonly products: ProductRepository,
    private readonly orders: RunningOrders,
    private readonly commands: CommandService,
    private readonly clock: Clock,
  ) {}

  /** @returns how many were taken in. */
  async look(partId: string): Promise<number> {
    const now = this.clock.now();
    const part = await this.dataSource.getRepository(DeploymentPart).findOneBy({ id: partId });
    if (part === null || part.state !== 'running' || !part.lateJoiners) return 0;
    // A look is put off by so much at most: beyond it the clock was wrong.
    const wait = part.joinersAt.getTime() - now.getTime();
    if (wait > 0 && wait <= LOOK_MS) return 0;
    const deployment = await this.deployments.find(part.deploymentId);
    if (deployment === null) return 0;
    const newcomers = await this.newcomers(deployment, part);
    const order = newcomers.length === 0 ? null : await this.orders.of(deployment, part);
    const targets = newcomers
      .map((product) => order && planLateJoiner(order, product, { force: deployment.forced, now }))
      .filter((target) => target !== null);
    return retried(this.dataSource, async (manager) => {
      const held = await this.rings.lock(manager, partId, true);
      if (held === null || held.state !== 'running') return 0;
      await this.rings.checkAgain(manager, partId, held.checkAt, new Date(now.getTime() + LOOK_MS));
      if (targets.length === 0) return 0;
      const direct = letsEverybodyThrough(held);
      if (!direct) await this.deployments.insertMembers(manager, partId, membersOf(targets));
      return this.commands.addTargets(
        held.commandId,
        targets.map((target) => newTarget(target, direct)),
        manager,
      );
    });
  }

  private async newcomers(deployment: Deployment, part: DeploymentPart): Promise<Product[]> {
    const [products, known] = await Promise.all([this.selected(deployment), this.rings.targets(part.commandId)]);
    return products.filter(({ member }) => member.approval === 'approved' && !known.has(member.controllerId));
  }

  /** A product or a group that is gone since the order ends nothing: nobody joins by it any more. */
  private async selected(deployment: Deployment): Promise<Product[]> {
    try {
      return await this.products.select(deployment.selection);
    } catch (fault) {
      if (fault instanceof AppError && fault.kind === 'not-found') return [];
      throw fault;
    }
  }
}
