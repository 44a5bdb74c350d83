import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ProductEvent } from './agent-event.parser.js';

export interface AgentEventRow {
  id: string;
  receivedAt: Date;
  at: Date;
  component: string | null;
  trigger: string;
  outcome: string;
  versionBefore: string | null;
  version: string | null;
  code: number | null;
  message: string | null;
}

/** All SQL of what products tell of their own updates. */
@Injectable()
export class AgentEventRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** How many the product has told of since then; counted to `most` only. */
  async count(manager: EntityManager, controllerId: string, since: Date, most: number): Promise<number> {
    const [row] = await manager.query<{ kept: number }[]>(
      `select count(*)::int as kept from (select 1 from agent_event where controller_id = $1 and received_at > $2 limit $3) e`,
      [controllerId, since, most],
    );
    return row?.kept ?? 0;
  }

  /** @param room how many may be kept. @returns the ids of those that were not known. */
  async insert(
    manager: EntityManager,
    controllerId: string,
    events: ProductEvent[],
    room: number,
    now: Date,
  ): Promise<string[]> {
    if (events.length === 0) return [];
    const month = now.toISOString().slice(0, 7) + '-01';
    await manager.query(`select ensure_command_month($1) where to_regclass($2) is null`, [
      month,
      `agent_event_${month.slice(0, 7).replace('-', '_')}`,
    ]);
    const rows = await manager.query<{ event_id: string }[]>(
      `insert into agent_event (month, controller_id, event_id, received_at, at, component_id, trigger, outcome, version_before,
         version, code, message)
       select $3::date, $2, n.id, $4, n.at, n.component, n.trigger, n.outcome, n."versionBefore", n.version, n.code, n.message
       from jsonb_to_recordset($1::jsonb) as n(id text, at timestamptz, component text, trigger text, outcome text,
         "versionBefore" text, version text, code int, message text)
       where not exists (select 1 from agent_event known where known.controller_id = $2 and known.event_id = n.id)
       limit $5
       on conflict do nothing returning event_id`,
      [JSON.stringify(events), controllerId, month, now, room],
    );
    return rows.map((row) => row.event_id);
  }

  /** How many of these are kept. */
  async known(manager: EntityManager, controllerId: string, events: readonly ProductEvent[]): Promise<number> {
    const [row] = await manager.query<{ known: number }[]>(
      `select count(distinct event_id)::int as known from agent_event where controller_id = $1 and event_id = any($2)`,
      [controllerId, events.map(({ id }) => id)],
    );
    return row?.known ?? 0;
  }

  /** A line of the update log of its own, so that nobody takes what is kept for all that there was. */
  async logDropped(manager: EntityManager, controllerId: string, most: number, now: Date): Promise<void> {
    await manager.query(
      `insert into update_event (at, trigger, outcome, actor, code, params)
       values ($1, 'product-schedule', 'failed', $2, 'reports-dropped', jsonb_build_object('most', $3::int))`,
      [now, controllerId, most],
    );
  }

  /** The update log is the one history of all updates: what products did by themselves gets its lines too. */
  async log(manager: EntityManager, controllerId: string, events: ProductEvent[], now: Date): Promise<void> {
    const worth = events.filter((event) => event.outcome !== 'unchanged' || event.trigger === 'manual');
    if (worth.length === 0) return;
    await manager.query(
      `insert into update_event (at, trigger, component_id, outcome, version, version_before, actor, code, params)
       select $3, 'product-' || n.trigger, n.component, case n.outcome when 'succeeded' then 'updated' else n.outcome end,
         n.version, n."versionBefore", $2, case when n.outcome = 'failed' then coalesce(n.code::text, 'failed') end,
         jsonb_build_object('message', n.message, 'productTime', n.at)
       from jsonb_to_recordset($1::jsonb) as n(at timestamptz, component text, trigger text, outcome text,
         "versionBefore" text, version text, code int, message text)`,
      [JSON.stringify(worth), controllerId, now],
    );
  }

  /** Newest arrival first. */
  list(controllerId: string, after: (string | number)[] | null, limit: number): Promise<AgentEventRow[]> {
    return this.dataSource.query(
      `select event_id as id, received_at as "receivedAt", at, component_id as component, trigger, outcome,
         version_before as "versionBefore", version, code, message
       from agent_event where controller_id = $1 and ($2::timestamptz is null or (received_at, event_id) < ($2, $3))
       order by received_at desc, event_id desc limit $4`,
      [controllerId, after?.[0] ?? null, after?.[1] ?? null, limit],
    );
  }
}
