import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { CommandHead } from './command.repository.js';
import type { TargetFilter, TargetRevision, TargetRow } from './command.types.js';
import { transitionOf } from './target-states.js';

type CommandKey = Pick<CommandHead, 'seq' | 'month'>;

export const TARGET = `t.controller_id as "controllerId", t.action_id as "actionId", t.state, t.reason, t.since, t.held, t.attempt,
  t.next_attempt_at as "nextAttemptAt", t.components, t.version_before as "versionBefore", t.version_after as "versionAfter",
  t.confirmation, t.progress, t.progress_at as "progressAt", t.slow_since as "slowSince",
  (select s.id from command s where s.seq = t.superseded_by) as "supersededBy", t.delivered_at as "deliveredAt",
  t.expires_at as "expiresAt", t.ended_at as "endedAt", t.code, t.message, t.dropped_messages as "droppedMessages"`;

/** SQL of many targets at once: what people and plans do to a command. Rows are taken in one order, so that two never wait for each other. */
@Injectable()
export class TargetRepository {
  constructor(private readonly dataSource: DataSource) {}

  list({ seq, month }: CommandKey, filter: TargetFilter): Promise<TargetRow[]> {
    return this.dataSource.query<TargetRow[]>(
      `select ${TARGET} from command_target t where t.month = $1 and t.command_seq = $2
         and ($3::text[] is null or t.state = any($3)) and ($4::text is null or t.controller_id > $4)
       order by t.controller_id limit $5`,
      [month, seq, filter.states ?? null, filter.after ?? null, filter.limit ?? 500],
    );
  }

  async find({ seq, month }: CommandKey, controllerId: string): Promise<TargetRow | null> {
    const [row] = await this.dataSource.query<TargetRow[]>(
      `select ${TARGET} from command_target t where t.month = $1 and t.command_seq = $2 and t.controller_id = $3`,
      [month, seq, controllerId],
    );
    return row ?? null;
  }

  /** @returns those that are skipped. */
  async revise(
    manager: EntityManager,
    { seq, month }: CommandKey,
    revisions: readonly TargetRevision[],
    now: Date,
  ): Promise<string[]> {
    const { from, to } = transitionOf('skip');
    const chosen = `month = $1 and command_seq = $2 and controller_id = any($3) and state = any($4) and held in ('ring', 'paused')`;
    await this.lock(manager, chosen, [month, seq, revisions.map((each) => each.controllerId), from]);
    const [rows] = await manager.query<[{ controller_id: string; state: string }[], number]>(
      `update command_target t set
         components = case r.due when '{}' then t.components else r.due end,
         version_before = case cardinality(r.due) when 0 then t.version_before when 1 then r.versions ->> r.due[1] end,
         state = case r.due when '{}' then $6 else t.state end, reason = case r.due when '{}' then r.reason else t.reason end,
         held = case r.due when '{}' then null else t.held end, since = case r.due when '{}' then $5 else t.since end,
         ended_at = case r.due when '{}' then $5::timestamptz end
       from (select n."controllerId", n.reason, n.versions,
           array(select unnest(o.components) intersect select unnest(n.components)) as due
         from jsonb_to_recordset($3::jsonb) as n("controllerId" text, reason text, components text[], versions jsonb)
         join command_target o on o.month = $1 and o.command_seq = $2 and o.controller_id = n."controllerId") r
       where t.month = $1 and t.command_seq = $2 and t.controller_id = r."controllerId" and t.state = any($4)
         and t.held in ('ring', 'paused')
         and (r.due = '{}' or not t.components <@ r.due or cardinality(r.due) = 1 and t.version_before is distinct from r.versions ->> r.due[1])
       returning t.controller_id, t.state`,
      [month, seq, JSON.stringify(revisions), from, now, to],
    );
    return rows.filter((row) => row.state === to).map((row) => row.controller_id);
  }

  /** Held by a ring or a pause no longer; one that still has to wait for its next try goes on with that. */
  async release(
    manager: EntityManager,
    { seq, month }: CommandKey,
    controllerIds: readonly string[] | null,
    to: { reason: string; now: Date; expiresAt: Date },
  ): Promise<string[]> {
    const chosen = `month = $1 and command_seq = $2 and state = 'queued' and held in ('ring', 'paused')
      and ($3::text[] is null or controller_id = any($3))`;
    const which = [month, seq, controllerIds];
    await this.lock(manager, chosen, which);
    const [rows] = await manager.query<[{ controller_id: string }[], number]>(
      `update command_target set held = case when next_attempt_at > $5 then 'retry' end,
         reason = case when next_attempt_at > $5 then 'retry-waiting' else $4 end, since = $5, progress_at = $5,
         expires_at = greatest($6, case when held = 'paused' then expires_at end)
       where ${chosen} returning controller_id`,
      [...which, to.reason, to.now, to.expiresAt],
    );
    return rows.map((row) => row.controller_id);
  }

  /** What waits for a ring goes on waiting for its ring. */
  async hold(manager: EntityManager, { seq, month }: CommandKey, reason: string, now: Date): Promise<string[]> {
    const chosen = `month = $1 and command_seq = $2 and state = 'queued'
      and held is distinct from 'ring' and held is distinct from 'paused'`;
    await this.lock(manager, chosen, [month, seq]);
    const [rows] = await manager.query<[{ controller_id: string }[], number]>(
      `update command_target set held = 'paused', reason = $3, since = $4 where ${chosen} returning controller_id`,
      [month, seq, reason, now],
    );
    return rows.map((row) => row.controller_id);
  }

  async cancel(
    manager: EntityManager,
    { seq, month }: CommandKey,
    now: Date,
  ): Promise<{ withdrawn: string[]; asked: string[] }> {
    const withdraw = transitionOf('withdraw');
    const ask = transitionOf('ask-to-cancel');
    const chosen = `month = $1 and command_seq = $2 and (state = any($3) or state = any($4))`;
    const which = [month, seq, withdraw.from, ask.from];
    await this.lock(manager, chosen, which);
    const [rows] = await manager.query<[{ controller_id: string; state: string }[], number]>(
      `update command_target set since = $5, held = null,
         reason = case when state = any($3) then 'cancelled-by-person' else 'cancellation-asked' end,
         ended_at = case when state = any($3) then $5::timestamptz end,
         state_before_cancel = case when state = any($4) then state end,
         state = case when state = any($3) then $6 else $7 end
       where ${chosen} returning controller_id, state`,
      [...which, now, withdraw.to, ask.to],
    );
    const ids = (state: string | null): string[] =>
      rows.filter((row) => row.state === state).map((row) => row.controller_id);
    return { withdrawn: ids(withdraw.to), asked: ids(ask.to) };
  }

  /** A new try has a new action: late feedback of the try before cannot touch it. */
  async retry(manager: EntityManager, { seq, month }: CommandKey, now: Date, expiresAt: Date): Promise<string[]> {
    const { from, to } = transitionOf('retry');
    // Nobody is left who could try again in the place of a product that was removed; one that a later order has brought further
    // since would be taken back.
    const chosen = `month = $1 and command_seq = $2 and state = any($3)
      and exists (select 1 from agent a where a.controller_id = command_target.controller_id)
      and not exists (select 1 from command_target later where later.controller_id = command_target.controller_id
        and later.command_seq > $2 and later.state = 'succeeded' and later.components && command_target.components)`;
    const which = [month, seq, from];
    await this.lock(manager, chosen, which);
    const [rows] = await manager.query<[{ controller_id: string }[], number]>(
      `update command_target set state = $4, reason = 'retried-by-person', message = null, since = $5, progress_at = $5, held = null,
         attempt = attempt + 1, action_id = nextval('action_id_seq'), next_attempt_at = null, ended_at = null, slow_since = null,
         progress = null, code = null, delivered_at = null, expires_at = $6, feedback_count = 0, dropped_messages = 0
       where ${chosen} returning controller_id`,
      [...which, to, now, expiresAt],
    );
    return rows.map((row) => row.controller_id);
  }

  /**
   * Takes the rows in the one order before they are changed by the same condition. Two statements, not a join of both: of a
   * partition that was filled a moment ago the planner knows nothing, and would compare all rows with all others.
   */
  private async lock(manager: EntityManager, chosen: string, which: unknown[]): Promise<void> {
    await manager.query(
      `select count(*) from (select 1 from command_target where ${chosen} order by controller_id for update) locked`,
      which,
    );
  }
}
