import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../platform/clock/clock.js';
import { FleetService, type FleetMember, type FleetSelection } from '../agents/agents.api.js';
import type { Product } from './deployment.targets.js';

/** A product that has asked within so many of its intervals is in touch. */
export const REACHABLE_INTERVALS = 3;
export const USUAL_INTERVAL_SECONDS = 900;

/** Groups with the `seconds` between polls that hold in them: their own, those of the nearest group above, or the setting's. */
export const GROUP_INTERVALS = `(with recursive below as (
    select id, coalesce(poll_interval_seconds, (select (value ->> 'pollIntervalSeconds')::int from setting where key = 'agents'),
      ${USUAL_INTERVAL_SECONDS}) as seconds from agent_group where parent_id is null
    union all select g.id, coalesce(g.poll_interval_seconds, b.seconds) from agent_group g join below b on g.parent_id = b.id
  ) select id, seconds from below)`;

/** Whether the product `a` of a query is in touch at `$now`; for filters in SQL. Needs GROUP_INTERVALS g and agent_contact k. */
export function reachableSql(now: string): string {
  return `coalesce(k.last_contact_at > ${now}::timestamptz
    - make_interval(secs => ${REACHABLE_INTERVALS} * coalesce(g.seconds, ${USUAL_INTERVAL_SECONDS})), false)`;
}

/** Products as rings see them. Reads tables of agents; writes none. */
@Injectable()
export class ProductRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly fleet: FleetService,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `agent-unknown`, `agent-group-unknown`. */
  async select(selection: FleetSelection): Promise<Product[]> {
    const [members, groups, reachable] = await Promise.all([
      this.fleet.select(selection),
      this.groupPaths(),
      this.reachable(),
    ]);
    return members.map((member: FleetMember) => ({
      member,
      groupIds: groups.get(member.groupId) ?? [member.groupId],
      reachable: reachable.has(member.controllerId),
    }));
  }

  /** Group → itself and the groups above it. */
  private async groupPaths(): Promise<Map<string, string[]>> {
    const rows = await this.dataSource.query<{ id: string; path: string[] }[]>(
      `with recursive above as (
         select id, parent_id, array[id] as path from agent_group
         union all select a.id, g.parent_id, a.path || g.id from above a join agent_group g on g.id = a.parent_id
       ) select distinct on (id) id, path from above order by id, cardinality(path) desc`,
    );
    return new Map(rows.map(({ id, path }) => [id, path]));
  }

  private async reachable(): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ controller_id: string }[]>(
      `select a.controller_id from agent a join agent_contact k using (controller_id)
       join ${GROUP_INTERVALS} g on g.id = a.group_id where ${reachableSql('$1')}`,
      [this.clock.now()],
    );
    return new Set(rows.map((row) => row.controller_id));
  }
}
