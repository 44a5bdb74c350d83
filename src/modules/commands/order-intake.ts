import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandHead } from './command.repository.js';

/** A lock that all nodes share: orders are taken in one after the other, which takes a fraction of a second each. */
const INTAKE_LOCK = `select pg_advisory_xact_lock(hashtext('haishin-order-intake'))`;
const ROUNDS = 3;

/** Commands whose targets were changed beside the one that was taken in. */
export type Touched = Set<string>;

/**
 * Lets at most one update be open for each product and component. The newer order takes the place of an older one that no
 * product has fetched; it waits behind one that is under way. Who may be offered has its rows in `open_update`, whose primary
 * key is the proof.
 */
@Injectable()
export class OrderIntake {
  /** To be taken before the first target of an order is written. */
  async lock(manager: EntityManager): Promise<void> {
    await manager.query(INTAKE_LOCK);
  }

  /**
   * Finds their places for queued targets of a command that nothing holds any more. Those that must wait are held `order`.
   * @param controllerIds null: all targets of the command
   */
  async place(
    manager: EntityManager,
    command: Pick<CommandHead, 'seq' | 'month'>,
    controllerIds: readonly string[] | null,
    now: Date,
  ): Promise<Touched> {
    const touched: Touched = new Set();
    const mine = [command.month, command.seq, controllerIds];
    for (let round = 1; ; round += 1) {
      for (const seq of await this.supersede(manager, mine, now)) touched.add(seq);
      await manager.query(
        `insert into open_update (controller_id, component_id, month, command_seq)
         select t.controller_id, u.component, t.month, t.command_seq from command_target t, unnest(t.components) as u(component)
         where ${OFFERED} order by 1, 2 on conflict do nothing`,
        mine,
      );
      const waiting = await this.waitBehind(manager, mine, now, round === ROUNDS);
      if (waiting === 'done') return touched;
    }
  }

  /** Takes the place of older orders that nobody has fetched. @returns the commands that lost targets. */
  private async supersede(manager: EntityManager, mine: unknown[], now: Date): Promise<string[]> {
    const [rows] = await manager.query<[{ command_seq: string }[], number]>(
      `with mine as (select t.controller_id, t.components from command_target t where ${OFFERED}),
       older as (
         select t.month, t.command_seq, t.controller_id, m.components as taken,
           array(select unnest(t.components) except select unnest(m.components)) as left_over
         from mine m join command_target t on t.controller_id = m.controller_id
         where t.ended_at is null and t.state = 'queued' and t.command_seq < $2 and t.components && m.components
         order by t.controller_id, t.command_seq for update of t),
       freed as (delete from open_update u using older o
         where u.controller_id = o.controller_id and u.command_seq = o.command_seq and u.component_id = any(o.taken)),
       linked as (insert into command_supersession (command_seq, superseded_seq) select distinct $2::bigint, o.command_seq from older o
         on conflict do nothing)
       update command_target t set components = case when o.left_over = '{}' then t.components else o.left_over end,
         superseded_by = $2, since = case when o.left_over = '{}' then $4 else t.since end,
         state = case when o.left_over = '{}' then 'superseded' else t.state end,
         reason = case when o.left_over = '{}' then 'by-command' else t.reason end,
         held = case when o.left_over = '{}' then null else t.held end,
         ended_at = case when o.left_over = '{}' then $4::timestamptz end
       from older o where t.month = o.month and t.command_seq = o.command_seq and t.controller_id = o.controller_id and t.state = 'queued'
       returning t.command_seq`,
      [...mine, now],
    );
    return [...new Set(rows.map((row) => row.command_seq))];
  }

  /**
   * Whoever did not get all of its places gives back the others and waits, or has lost to a newer order.
   * @returns `again` when a place became free, or came to an older order that can be superseded.
   */
  private async waitBehind(
    manager: EntityManager,
    mine: unknown[],
    now: Date,
    last: boolean,
  ): Promise<'done' | 'again'> {
    // The holders' rows are held until we commit: whoever frees one then finds our target waiting.
    const blockers = await manager.query<
      { controller_id: string; command_seq: string; waits: boolean; newer: boolean }[]
    >(
      `with blocked as (
         select t.controller_id, t.components from command_target t where ${OFFERED} and exists (
           select 1 from unnest(t.components) as u(component) where not exists (
             select 1 from open_update o where o.controller_id = t.controller_id and o.component_id = u.component and o.command_seq = t.command_seq)))
       select b.controller_id, o.command_seq, o.command_seq > $2 as newer, exists (select 1 from command_target h where h.month = o.month
           and h.command_seq = o.command_seq and h.controller_id = o.controller_id and h.state = 'queued') as waits
       from blocked b left join lateral (select * from open_update o where o.controller_id = b.controller_id
         and o.component_id = any(b.components) and o.command_seq <> $2 order by o.component_id for update) o on true`,
      mine,
    );
    if (blockers.length === 0) return 'done';
    const moved = blockers.some((each) => each.command_seq === null || (each.waits && !each.newer));
    if (moved && !last) return 'again';
    const ids = [...new Set(blockers.map((each) => each.controller_id))];
    const lost = blockers.filter((each) => each.newer);
    await manager.query(`delete from open_update where command_seq = $1 and controller_id = any($2)`, [mine[1], ids]);
    await manager.query(
      `update command_target t set held = 'order', reason = 'other-update-running', since = $4
       where ${OFFERED} and t.controller_id = any($5)`,
      [mine[0], mine[1], mine[2], now, ids],
    );
    for (const { controller_id, command_seq } of lost) {
      await manager.query(
        `update command_target t set state = 'superseded', held = null, reason = 'by-command', superseded_by = $4, since = $3, ended_at = $3
         where t.month = $1 and t.command_seq = $2 and t.controller_id = $5 and t.state = 'queued'`,
        [mine[0], mine[1], now, command_seq, controller_id],
      );
      await manager.query(
        `insert into command_supersession (command_seq, superseded_seq) values ($1, $2) on conflict do nothing`,
        [command_seq, mine[1]],
      );
    }
    return 'done';
  }

  /** The target ended or went back: its places are free. Promotion of whoever waits comes after the commit. */
  async free(manager: EntityManager, commandSeq: string, controllerIds: readonly string[]): Promise<void> {
    await manager.query(`delete from open_update where command_seq = $1 and controller_id = any($2)`, [
      commandSeq,
      controllerIds,
    ]);
  }

  /**
   * Offers targets that waited for an update to end; those that rightly wait are not even looked at, so that they never crowd out
   * one whose turn it is. @returns the products that now have something.
   */
  async promote(manager: EntityManager, controllerIds: readonly string[] | null, now: Date): Promise<string[]> {
    const candidates = await manager.query<{ month: string; command_seq: string; controller_id: string }[]>(
      `select month::text as month, command_seq, controller_id from command_target t
       where held = 'order' and ended_at is null and ($1::text[] is null or controller_id = any($1))
         and not exists (select 1 from open_update o where o.controller_id = t.controller_id
           and o.component_id = any(t.components) and o.command_seq <> t.command_seq)
       order by controller_id, command_seq limit 5000 for update of t skip locked`,
      [controllerIds],
    );
    if (candidates.length === 0) return [];
    const waiting = JSON.stringify(candidates);
    const CANDIDATES = `jsonb_to_recordset($1::jsonb) as w(month date, command_seq bigint, controller_id text)
      join command_target t on t.month = w.month and t.command_seq = w.command_seq and t.controller_id = w.controller_id`;
    await manager.query(
      `insert into open_update (controller_id, component_id, month, command_seq)
       select t.controller_id, u.component, t.month, min(t.command_seq) from ${CANDIDATES}, unnest(t.components) as u(component)
       group by 1, 2, 3 order by 1, 2 on conflict do nothing`,
      [waiting],
    );
    const [offered] = await manager.query<[{ controller_id: string }[], number]>(
      `update command_target c set held = null, reason = null, since = $2, progress_at = $2 from ${CANDIDATES}
       where c.month = t.month and c.command_seq = t.command_seq and c.controller_id = t.controller_id and c.held = 'order'
         and not exists (select 1 from unnest(t.components) as u(component) where not exists (select 1 from open_update o
           where o.controller_id = t.controller_id and o.component_id = u.component and o.command_seq = t.command_seq))
       returning c.controller_id`,
      [waiting, now],
    );
    await manager.query(
      `delete from open_update o using ${CANDIDATES}
       where o.controller_id = t.controller_id and o.command_seq = t.command_seq and t.held = 'order'`,
      [waiting],
    );
    return offered.map((row) => row.controller_id);
  }
}

/** Targets of the command $2 (partition $1), of the products $3 or of all, that may be offered. */
const OFFERED = `t.month = $1::date and t.command_seq = $2 and ($3::text[] is null or t.controller_id = any($3))
  and t.state = 'queued' and t.held is null and t.components <> '{}'`;
