import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { CommandOrigin, CommandType, NewTarget, StateCounts } from './command.types.js';
import { OPEN_STATES_SQL, TARGET_STATES, type TargetState } from './target-states.js';

/** What never changes of a command, and its end. */
export interface CommandHead {
  id: string;
  seq: string;
  /** First day of its month, `YYYY-MM-01`: its partition. */
  month: string;
  type: CommandType;
  origin: CommandOrigin;
  issuedAt: Date;
  issuedBy: string;
  parameters: object;
  components: string[];
  deploymentId: string | null;
  tries: number;
  retryMinutes: number;
  expiresAt: Date;
  endedAt: Date | null;
}

export interface CommandRow extends Omit<CommandHead, 'seq' | 'endedAt'> {
  downloadId: string | null;
  releaseId: string | null;
  /** Lower-case words by which a person finds it. */
  words: string[];
}

export const HEAD = `c.id, c.seq, c.month::text as month, c.type, c.origin, c.issued_at as "issuedAt", c.issued_by as "issuedBy",
  c.parameters, c.components, c.deployment_id as "deploymentId", c.tries, c.retry_minutes as "retryMinutes",
  c.expires_at as "expiresAt", c.ended_at as "endedAt"`;

/** SQL of commands and the life of their numbers. */
@Injectable()
export class CommandRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** @returns its number. */
  async insert(manager: EntityManager, row: CommandRow): Promise<string> {
    const [made] = await manager.query<{ seq: string }[]>(
      `insert into command (id, month, type, origin, issued_at, issued_by, parameters, components, deployment_id, download_id,
         release_id, tries, retry_minutes, expires_at, search)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, array_to_tsvector($15::text[])) returning seq`,
      [
        row.id,
        row.month,
        row.type,
        row.origin,
        row.issuedAt,
        row.issuedBy,
        JSON.stringify(row.parameters),
        row.components,
        row.deploymentId,
        row.downloadId,
        row.releaseId,
        row.tries,
        row.retryMinutes,
        row.expiresAt,
        row.words,
      ],
    );
    if (made === undefined) throw new Error('the command was not inserted');
    if (row.components.length > 0)
      await manager.query(
        `insert into command_component (component_id, issued_at, command_seq) select unnest($1::text[]), $2, $3 on conflict do nothing`,
        [row.components, row.issuedAt, made.seq],
      );
    return made.seq;
  }

  /** One statement, whatever their number; those that are targets already stay as they are. @returns the new ones. */
  async insertTargets(
    manager: EntityManager,
    command: Pick<CommandHead, 'seq' | 'month' | 'components' | 'expiresAt'>,
    targets: readonly NewTarget[],
    now: Date,
    needsConfirmation = false,
  ): Promise<string[]> {
    // Held where it matters: whoever consents to everything just now comes before this is written, or finds it.
    const rows = await manager.query<{ controller_id: string }[]>(
      `with consenting as (select controller_id, auto_confirm from agent where $7 and controller_id in
           (select n ->> 'controllerId' from jsonb_array_elements($1::jsonb) n) order by controller_id for share)
       insert into command_target (month, command_seq, controller_id, state, reason, since, held, components, version_before,
         progress_at, expires_at, ended_at, confirmation)
       select $2::date, $3, n."controllerId", n.state, n.reason, $5, n.held, coalesce(n.components, $4), n."versionBefore", $5, $6,
         case when n.state = 'skipped' then $5::timestamptz end,
         case when $7 and n.state = 'queued' and not coalesce(a.auto_confirm, false) then 'needed' end
       from jsonb_to_recordset($1::jsonb) as n("controllerId" text, state text, reason text, held text, components text[],
         "versionBefore" text)
       left join consenting a on a.controller_id = n."controllerId"
       on conflict do nothing returning controller_id`,
      [
        JSON.stringify(targets),
        command.month,
        command.seq,
        command.components,
        now,
        command.expiresAt,
        needsConfirmation,
      ],
    );
    return rows.map((row) => row.controller_id);
  }

  async find(id: string, manager: EntityManager = this.dataSource.manager): Promise<CommandHead | null> {
    const [row] = await manager.query<CommandHead[]>(`select ${HEAD} from command c where c.id = $1`, [id]);
    return row ?? null;
  }

  byId(ids: readonly string[], manager: EntityManager = this.dataSource.manager): Promise<CommandHead[]> {
    return manager.query<CommandHead[]>(`select ${HEAD} from command c where c.id = any($1::uuid[])`, [ids]);
  }

  async bySeq(seqs: readonly string[], manager: EntityManager = this.dataSource.manager): Promise<CommandHead[]> {
    return manager.query<CommandHead[]>(`select ${HEAD} from command c where c.seq = any($1)`, [seqs]);
  }

  /** Holds the command: whoever is about to cancel it comes before or after. */
  async isCancelled(manager: EntityManager, id: string): Promise<boolean> {
    const rows = await manager.query<{ cancelled: boolean }[]>(
      `select cancelled_at is not null as cancelled from command where id = $1 for update`,
      [id],
    );
    return rows[0]?.cancelled === true;
  }

  /**
   * Holds the command, and opens it again when it had ended: its numbers count anew from what they were.
   */
  async reopen(manager: EntityManager, id: string): Promise<CommandHead | null> {
    const [row] = await manager.query<(CommandHead & { counts: Record<string, number> | null })[]>(
      `select ${HEAD}, c.counts from command c where c.id = $1 for update`,
      [id],
    );
    if (row === undefined) return null;
    if (row.counts !== null) {
      await manager.query(
        `insert into command_tally (command_seq, state, delta) select $1, key, value::int from jsonb_each_text($2::jsonb)`,
        [row.seq, JSON.stringify(row.counts)],
      );
      await manager.query(`update command set ended_at = null, counts = null where seq = $1`, [row.seq]);
    }
    return { ...row, endedAt: null };
  }

  /** Ends the command when no target is open. @returns whether it did. */
  async end(manager: EntityManager, seq: string, now: Date): Promise<boolean> {
    // Held first: the look at the targets that follows sees whatever was committed before.
    const [held] = await manager.query<{ month: string }[]>(
      `select month::text as month from command where seq = $1 and ended_at is null for update`,
      [seq],
    );
    if (held === undefined || (await this.hasOpen(manager, seq, held.month))) return false;
    await manager.query(
      `with gone as (delete from command_tally where command_seq = $1 returning state, delta),
       counted as (select state, sum(delta) as targets from gone group by state having sum(delta) <> 0)
       update command set ended_at = $2, counts = coalesce((select jsonb_object_agg(state, targets) from counted), '{}') where seq = $1`,
      [seq, now],
    );
    return true;
  }

  async hasOpen(manager: EntityManager, seq: string, month: string): Promise<boolean> {
    const [row] = await manager.query<{ open: boolean }[]>(
      `select exists (select 1 from command_target where month = $1 and command_seq = $2
         and state in (${OPEN_STATES_SQL})) as open`,
      [month, seq],
    );
    return row?.open === true;
  }

  /** Open commands without an open target: a crash may have come between the last target and the end. */
  async endable(limit: number): Promise<string[]> {
    const rows = await this.dataSource.query<{ seq: string }[]>(
      `select c.seq from command c where c.ended_at is null and not exists (select 1 from command_target t
         where t.month = c.month and t.command_seq = c.seq
           and t.state in (${OPEN_STATES_SQL})) limit $1`,
      [limit],
    );
    return rows.map((row) => row.seq);
  }

  /** Numbers by command. */
  async counts(
    seqs: readonly string[],
    manager: EntityManager = this.dataSource.manager,
  ): Promise<Map<string, StateCounts>> {
    const rows = await manager.query<{ seq: string; state: string; targets: number }[]>(
      `select c.seq, n.key as state, n.value::int as targets from command c, jsonb_each_text(c.counts) n where c.seq = any($1)
       union all
       select t.command_seq, t.state, sum(t.delta)::int from command_tally t where t.command_seq = any($1) group by 1, 2`,
      [seqs],
    );
    const found = new Map(seqs.map((seq) => [seq, noCounts()]));
    for (const { seq, state, targets } of rows) {
      const counts = found.get(seq);
      if (counts !== undefined) counts[state as TargetState] += targets;
    }
    return found;
  }

  /** Sums up long lists of differences, in one statement each, so that no reader sees half of it. */
  async foldTallies(): Promise<void> {
    const long = await this.dataSource.query<{ command_seq: string }[]>(
      `select command_seq from command_tally group by command_seq having count(*) > 40`,
    );
    for (const { command_seq } of long)
      await this.dataSource.query(
        `with gone as (delete from command_tally where command_seq = $1 returning state, delta)
         insert into command_tally (command_seq, state, delta) select $1, state, sum(delta) from gone group by state having sum(delta) <> 0`,
        [command_seq],
      );
  }

  /** Products that are or were asked to do something by this command. */
  async concerned(seq: string, month: string): Promise<string[]> {
    const rows = await this.dataSource.query<{ controller_id: string }[]>(
      `select controller_id from command_target where month = $1 and command_seq = $2 and state <> 'skipped'`,
      [month, seq],
    );
    return rows.map((row) => row.controller_id);
  }
}

export function noCounts(): StateCounts {
  return Object.fromEntries(TARGET_STATES.map((state) => [state, 0])) as StateCounts;
}
