import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { letsEverybodyThrough } from './deployment.targets.js';
import { DeploymentPart, DeploymentRing, type PartState } from './deployment.entity.js';
import { GROUP_INTERVALS, reachableSql } from './product.repository.js';
import { RATE_SPREAD_SECONDS, type RingCounts, type RingStanding } from './ring.engine.js';

const NO_COUNTS: RingCounts = {
  held: 0,
  heldReachable: 0,
  released: 0,
  inProgress: 0,
  succeeded: 0,
  failed: 0,
  expired: 0,
  slow: 0,
};

/** Kept back by the ring or by a pause; a target that waits for its next try has been let through. */
const HELD = `t.state = 'queued' and t.held in ('ring', 'paused')`;
const LET_THROUGH = `t.state = 'queued' and (t.held is null or t.held not in ('ring', 'paused'))`;
const IN_TOUCH = `left join agent a on a.controller_id = t.controller_id
  left join ${GROUP_INTERVALS} g on g.id = a.group_id left join agent_contact k on k.controller_id = t.controller_id`;

/** Moves rings. Whoever changes something holds the part's row; reads targets, whose states belong to commands. */
@Injectable()
export class RingRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Parts that somebody should look at, the longest waiting first. Nobody puts off a look for long: one that is due much later was put
   * off while the clock was wrong.
   */
  async due(now: Date, limit: number): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `select id from deployment_part where not settled and (check_at <= $1 or check_at > $1::timestamptz + interval '1 hour')
       order by check_at limit $2`,
      [now, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Unsettled parts of these deployments. */
  async unsettled(deploymentIds: readonly string[]): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `select id from deployment_part where not settled and deployment_id = any($1::uuid[])`,
      [deploymentIds],
    );
    return rows.map(({ id }) => id);
  }

  /** The part, for this transaction alone. Null: another node has it (only with `skip`), or there is none. */
  async lock(manager: EntityManager, partId: string, skip: boolean): Promise<DeploymentPart | null> {
    const locked = await manager.query<unknown[]>(
      `select id from deployment_part where id = $1 for update ${skip ? 'skip locked' : ''}`,
      [partId],
    );
    return locked.length === 0 ? null : manager.findOneBy(DeploymentPart, { id: partId });
  }

  rings(manager: EntityManager, partId: string): Promise<DeploymentRing[]> {
    return manager.find(DeploymentRing, { where: { partId }, order: { position: 'ASC' } });
  }

  /** Rings as the engine wants them. */
  async standings(
    part: DeploymentPart,
    now: Date,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<RingStanding[]> {
    const [rings, counts, rates] = [
      await this.rings(manager, part.id),
      part.settled ? null : await this.counts(manager, part, now),
      await this.rates(manager, part, now),
    ];
    return rings.map((ring) => ({
      state: ring.state,
      settledAt: ring.settledAt,
      approvedAt: ring.approvedAt,
      eligibleAt: ring.eligibleAt,
      forgivenFailed: ring.forgivenFailed,
      forgivenTimeouts: ring.forgivenTimeouts,
      releasedLastMinute: rates.get(ring.position)?.minute ?? 0,
      releasedLastSeconds: rates.get(ring.position)?.seconds ?? 0,
      counts: (counts === null ? ring.counts : counts.get(ring.position)) ?? NO_COUNTS,
    }));
  }

  private async counts(manager: EntityManager, part: DeploymentPart, now: Date): Promise<Map<number, RingCounts>> {
    const through = letsEverybodyThrough(part);
    const limited = part.rings.some(({ concurrency, ratePerMinute }) => concurrency !== null || ratePerMinute !== null);
    const rows = await manager.query<(RingCounts & { ring: number })[]>(
      `select ${through ? '0' : 'm.ring'}::int as ring,
         count(*) filter (where ${HELD})::int as held,
         count(*) filter (where ${HELD} and ${limited ? reachableSql('$3') : '$3::timestamptz is not null'})::int as "heldReachable",
         count(*) filter (where ${LET_THROUGH})::int as released,
         count(*) filter (where t.state in ('delivered', 'downloading', 'downloaded', 'installing', 'cancelling'))::int as "inProgress",
         count(*) filter (where t.state = 'succeeded')::int as succeeded,
         count(*) filter (where t.state = 'failed')::int as failed,
         count(*) filter (where t.state = 'expired')::int as expired,
         count(*) filter (where t.ended_at is null and t.slow_since is not null)::int as slow
       from command c join command_target t on t.month = c.month and t.command_seq = c.seq
       ${through ? '' : 'join deployment_member m on m.part_id = $1 and m.controller_id = t.controller_id'}
       ${limited ? IN_TOUCH : ''}
       where c.id = $2 and $1::uuid is not null group by 1`,
      [part.id, part.commandId, now],
    );
    return new Map(rows.map(({ ring, ...counts }) => [ring, counts]));
  }

  private async rates(
    manager: EntityManager,
    part: DeploymentPart,
    now: Date,
  ): Promise<Map<number, { minute: number; seconds: number }>> {
    if (part.settled || part.rings.every(({ ratePerMinute }) => ratePerMinute === null)) return new Map();
    const rows = await manager.query<{ ring: number; minute: number; seconds: number }[]>(
      `select ring::int as ring, count(*)::int as minute,
         count(*) filter (where released_at > $2::timestamptz - make_interval(secs => $3))::int as seconds
       from deployment_member where part_id = $1 and released_at > $2::timestamptz - interval '60 seconds' group by ring`,
      [part.id, now, RATE_SPREAD_SECONDS],
    );
    return new Map(rows.map(({ ring, ...rate }) => [ring, rate]));
  }

  /** Who of a ring is let through next: products in touch first, behind a limit only those. */
  async nextHeld(
    manager: EntityManager,
    part: DeploymentPart,
    ring: number,
    limit: number,
    now: Date,
  ): Promise<string[]> {
    const { concurrency, ratePerMinute } = part.rings[ring] ?? {};
    const limited = concurrency != null || ratePerMinute != null;
    const rows = await manager.query<{ controller_id: string }[]>(
      `select t.controller_id from command c join command_target t on t.month = c.month and t.command_seq = c.seq
       join deployment_member m on m.part_id = $1 and m.controller_id = t.controller_id
       ${limited ? IN_TOUCH : ''}
       where c.id = $2 and m.ring = $3 and ${HELD} and ${limited ? reachableSql('$5') : '$5::timestamptz is not null'}
       order by t.controller_id limit $4`,
      [part.id, part.commandId, ring, limit, now],
    );
    return rows.map((row) => row.controller_id);
  }

  /** Products kept back behind a ring, in the order in which they may move up: those in touch first. */
  async heldBehind(
    manager: EntityManager,
    part: DeploymentPart,
    ring: number,
    limit: number,
    now: Date,
  ): Promise<string[]> {
    const rows = await manager.query<{ controller_id: string }[]>(
      `select t.controller_id from command c join command_target t on t.month = c.month and t.command_seq = c.seq
       join deployment_member m on m.part_id = $1 and m.controller_id = t.controller_id ${IN_TOUCH}
       where c.id = $2 and m.ring > $3 and ${HELD}
       order by m.ring, ${reachableSql('$5')} desc, t.controller_id limit $4`,
      [part.id, part.commandId, ring, limit, now],
    );
    return rows.map((row) => row.controller_id);
  }

  async moveUp(manager: EntityManager, partId: string, ring: number, controllerIds: readonly string[]): Promise<void> {
    await manager.query(
      `update deployment_member set ring = $2 where part_id = $1 and controller_id = any($3) and released_at is null`,
      [partId, ring, controllerIds],
    );
  }

  /** All whom the part keeps back. */
  async held(manager: EntityManager, part: DeploymentPart): Promise<string[]> {
    const rows = await manager.query<{ controller_id: string }[]>(
      `select t.controller_id from command c join command_target t on t.month = c.month and t.command_seq = c.seq
       where c.id = $1 and ${HELD} order by t.controller_id`,
      [part.commandId],
    );
    return rows.map((row) => row.controller_id);
  }

  async markReleased(manager: EntityManager, partId: string, controllerIds: string[], now: Date): Promise<void> {
    await manager.query(
      `update deployment_member set released_at = $3 where part_id = $1 and controller_id = any($2::text[])`,
      [partId, controllerIds, now],
    );
  }

  /** False when it was open already. */
  async open(manager: EntityManager, partId: string, position: number, now: Date): Promise<boolean> {
    const { affected } = await manager.update(
      DeploymentRing,
      { partId, position, state: 'waiting' },
      { state: 'open', openedAt: now },
    );
    return affected === 1;
  }

  async settle(manager: EntityManager, partId: string, position: number, at: Date | null): Promise<void> {
    await manager.update(DeploymentRing, { partId, position, state: 'open' }, { settledAt: at });
  }

  /** Lets the next ring become eligible with it. False when it had passed already. */
  async pass(manager: EntityManager, partId: string, position: number, now: Date): Promise<boolean> {
    const { affected } = await manager.update(
      DeploymentRing,
      { partId, position, state: 'open' },
      { state: 'passed', passedAt: now },
    );
    if (affected !== 1) return false;
    await manager.update(DeploymentRing, { partId, position: position + 1, state: 'waiting' }, { eligibleAt: now });
    return true;
  }

  /** False when a person had said yes before. */
  async approve(manager: EntityManager, partId: string, position: number, actor: string, now: Date): Promise<boolean> {
    const rows = await manager.query<[unknown[], number]>(
      `update deployment_ring set approved_at = $3, approved_by = $4
       where part_id = $1 and position = $2 and approved_at is null and state <> 'passed' returning position`,
      [partId, position, now, actor],
    );
    return rows[1] === 1;
  }

  /** What has gone wrong so far pauses no more. */
  async forgive(manager: EntityManager, partId: string, position: number, counts: RingCounts): Promise<void> {
    await manager.update(
      DeploymentRing,
      { partId, position },
      { forgivenFailed: counts.failed, forgivenTimeouts: counts.expired + counts.slow },
    );
  }

  async setState(
    manager: EntityManager,
    part: DeploymentPart,
    to: { state: PartState; reason: string | null; details?: Record<string, unknown>; actor: string },
    now: Date,
  ): Promise<void> {
    await manager.query(
      `update deployment_part set state = $2, reason = $3, reason_details = $4, since = $5, changed_by = $6, check_at = $5
       where id = $1`,
      [part.id, to.state, to.reason, JSON.stringify(to.details ?? {}), now, to.actor],
    );
  }

  async checkAgain(manager: EntityManager, partId: string, at: Date, joinersAt: Date): Promise<void> {
    await manager.update(DeploymentPart, { id: partId }, { checkAt: at, joinersAt });
  }

  /** Writes the numbers down and forgets who was where; the deployment ends with its last part. */
  async freeze(
    manager: EntityManager,
    part: DeploymentPart,
    standings: readonly RingStanding[],
    now: Date,
  ): Promise<void> {
    for (const [position, { counts }] of standings.entries())
      await manager.update(DeploymentRing, { partId: part.id, position }, { counts });
    await manager.query(`delete from deployment_member where part_id = $1`, [part.id]);
    await manager.update(DeploymentPart, { id: part.id }, { settled: true });
    await manager.query(
      `update deployment d set ended_at = $2 where d.id = $1
         and not exists (select 1 from deployment_part p where p.deployment_id = d.id and not p.settled)`,
      [part.deploymentId, now],
    );
  }

  /** Products that are targets of the part's command, skipped ones too. */
  async targets(commandId: string): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ controller_id: string }[]>(
      `select t.controller_id from command c join command_target t on t.month = c.month and t.command_seq = c.seq where c.id = $1`,
      [commandId],
    );
    return new Set(rows.map((row) => row.controller_id));
  }
}
