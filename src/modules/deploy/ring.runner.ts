import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { retried } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { FleetService } from '../agents/agents.api.js';
import { CommandService } from '../commands/commands.api.js';
import { DeploymentObservers, type DeploymentNews } from './deployment.observers.js';
import { targetExpiry } from './deployment.order.js';
import { Deployment, DeploymentPart } from './deployment.entity.js';
import { letsEverybodyThrough, reconsider, type PartOrder } from './deployment.targets.js';
import { isSample } from './ring-assignment.js';
import { nextInstant, nextSteps, type RingStanding, type Step } from './ring.engine.js';
import { RingRepository } from './ring.repository.js';
import { RunningOrders } from './running-orders.js';

/** A part that nothing is heard of is looked at all the same: changes may come as a lost message. */
const LOOK_AGAIN_MS = 15_000;
/** Among so many of the next products somebody is looked for who takes a free place in a sample. */
const REFILL_CANDIDATES = 500;

interface Turn {
  manager: EntityManager;
  part: DeploymentPart;
  deployment: Deployment;
  order: PartOrder;
  now: Date;
  news: DeploymentNews[];
}

/**
 * Carries out what the engine says, in one transaction that holds the part: on any node, but on one at a time. A node that
 * dies leaves either everything of a turn or nothing, and the next turn of another goes on from there.
 */
@Injectable()
export class RingRunner {
  constructor(
    private readonly dataSource: DataSource,
    private readonly repository: RingRepository,
    private readonly commands: CommandService,
    private readonly fleet: FleetService,
    private readonly orders: RunningOrders,
    private readonly observers: DeploymentObservers,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** One turn. False when another node has the part just now. */
  async turn(partId: string): Promise<boolean> {
    const news: DeploymentNews[] = [];
    // Read before the transaction, which has one connection: a crowd of turns that each wait for a second one would never end.
    const known = await this.known(partId);
    if (known === null) return true;
    const taken = await retried(this.dataSource, async (manager) => {
      news.length = 0;
      const part = await this.repository.lock(manager, partId, true);
      if (part === null || part.settled) return part !== null;
      await this.advance({ manager, part, ...known, now: this.clock.now(), news });
      return true;
    });
    for (const each of news) {
      const { deploymentId: deployment, kind, reason, details } = each;
      if (kind === 'paused') this.logger.warn({ deployment, reason, ...details }, 'a deployment paused itself');
      else this.logger.info({ deployment, part: each.part, kind, ...details }, 'a deployment moved on');
      await this.observers.tell(each);
    }
    return taken;
  }

  /** The turn after what a person ordered, which stands whatever becomes of the turn: should it fail, the next sweep makes it. */
  async follow(partId: string): Promise<void> {
    try {
      await this.turn(partId);
    } catch (err) {
      this.logger.warn({ err, part: partId }, 'what follows an order comes with the next sweep');
    }
  }

  /** What a turn needs beside the part; null when there is nothing to do. */
  private async known(partId: string): Promise<{ deployment: Deployment; order: PartOrder } | null> {
    const part = await this.dataSource.getRepository(DeploymentPart).findOneBy({ id: partId });
    if (part === null || part.settled) return null;
    const deployment = await this.dataSource.getRepository(Deployment).findOneByOrFail({ id: part.deploymentId });
    return { deployment, order: await this.orders.of(deployment, part) };
  }

  private async advance(turn: Turn): Promise<void> {
    const { manager, part, now } = turn;
    let standings = await this.repository.standings(part, now, manager);
    // Every step changes what the next one is decided on; a plan has at most three changes of state for each ring.
    for (let round = 0; part.state === 'running' && round < 3 * part.rings.length + 3; round += 1) {
      const steps = nextSteps(part, standings, { basisAt: part.basisAt, now });
      let moved = false;
      for (const step of steps) moved = (await this.carryOut(turn, step, standings)) || moved;
      if (!moved) break;
      standings = await this.repository.standings(part, now, manager);
    }
    const ended = part.state === 'finished' || (part.state === 'aborted' && nobodyOnTheWay(standings));
    if (ended) return this.repository.freeze(manager, part, standings, now);
    const soon = new Date(now.getTime() + LOOK_AGAIN_MS);
    const instant = part.state === 'running' ? nextInstant(part, standings, { basisAt: part.basisAt, now }) : null;
    const at = instant !== null && instant < soon && instant > now ? instant : soon;
    await this.repository.checkAgain(manager, part.id, at, part.joinersAt);
  }

  /** True when it changed something. */
  private async carryOut(turn: Turn, step: Step, standings: readonly RingStanding[]): Promise<boolean> {
    const { manager, part, now } = turn;
    switch (step.kind) {
      case 'open':
        if (!(await this.repository.open(manager, part.id, step.ring, now))) return false;
        this.tell(turn, 'ring-opened', { ring: step.ring, name: part.rings[step.ring]?.name });
        return true;
      case 'release':
        return (await this.release(turn, step.ring, step.count)) > 0;
      case 'settle':
      case 'unsettle': {
        await this.repository.settle(manager, part.id, step.ring, step.kind === 'settle' ? now : null);
        const approval = part.rings[step.ring]?.gate.approval === true && standings[step.ring]?.approvedAt === null;
        if (step.kind === 'settle' && approval)
          this.tell(turn, 'awaiting-approval', { ring: step.ring, name: part.rings[step.ring]?.name });
        return true;
      }
      case 'pass':
        return this.repository.pass(manager, part.id, step.ring, now);
      case 'pause': {
        const { kind: _kind, reason, ...details } = step;
        await this.change(turn, { state: 'paused', reason, details, actor: 'system' });
        await this.commands.holdAll(part.commandId, 'deployment-paused', manager);
        this.tell(turn, 'paused', { ...details, name: part.rings[step.ring]?.name }, reason);
        return true;
      }
      case 'finish':
        await this.change(turn, { state: 'finished', reason: null, actor: 'system' });
        this.tell(turn, 'finished', {});
        return true;
    }
  }

  private async change(turn: Turn, to: Parameters<RingRepository['setState']>[2]): Promise<void> {
    await this.repository.setState(turn.manager, turn.part, to, turn.now);
    turn.part.state = to.state;
  }

  private async release(turn: Turn, ring: number, count: number): Promise<number> {
    const { manager, part, deployment, now } = turn;
    const expiresAt = targetExpiry({ window: deployment.window, expiresInHours: part.targetHours }, now);
    const direct = letsEverybodyThrough(part);
    const ids = direct
      ? await this.repository.held(manager, part)
      : await this.repository.nextHeld(manager, part, ring, count, now);
    if (ids.length === 0) return 0;
    const skipped = await this.reconsider(turn, ids);
    if (skipped > 0 && isSample(part.rings[ring])) await this.refill(turn, ring, skipped);
    if (!direct) await this.repository.markReleased(manager, part.id, ids, now);
    return skipped + (await this.commands.releaseHeld(part.commandId, ids, 'ring-opened', manager, expiresAt));
  }

  /** Hours or days may lie between the order and its ring: who needs nothing any more is left in peace. @returns how many. */
  private async reconsider({ manager, part, deployment, order, now }: Turn, ids: string[]): Promise<number> {
    const members = await this.fleet.members(ids, manager);
    const revisions = members.map((member) => reconsider(order, member, { force: deployment.forced, now }));
    return this.commands.reviseHeld(part.commandId, revisions, manager);
  }

  /** A sample that has lost products proves less, or nothing: as many of the next ones take their places. */
  private async refill({ manager, part, deployment, order, now }: Turn, ring: number, places: number): Promise<void> {
    const next = await this.repository.heldBehind(manager, part, ring, REFILL_CANDIDATES, now);
    const members = new Map((await this.fleet.members(next, manager)).map((each) => [each.controllerId, each]));
    const due = next.filter((id) => {
      const member = members.get(id);
      return member !== undefined && reconsider(order, member, { force: deployment.forced, now }).components.length > 0;
    });
    if (due.length > 0) await this.repository.moveUp(manager, part.id, ring, due.slice(0, places));
  }

  private tell(
    { part, news }: Turn,
    kind: DeploymentNews['kind'],
    details: Record<string, unknown>,
    reason: string | null = null,
  ): void {
    const { deploymentId, commandId, kind: which } = part;
    news.push({ deploymentId, commandId, part: which, kind, reason, details });
  }
}

function nobodyOnTheWay(standings: readonly RingStanding[]): boolean {
  return standings.every(({ counts }) => counts.held + counts.released + counts.inProgress === 0);
}
