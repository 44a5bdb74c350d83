import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { HEAD, type CommandHead } from './command.repository.js';
import { SERVER, type StateCounts, type TargetRow } from './command.types.js';
import { readWords } from './server-words.js';
import {
  FINAL_STATES,
  GROUP_OF,
  isTargetState,
  TARGET_STATES,
  type StateGroup,
  type TargetState,
} from './target-states.js';

export interface TrackingFilter {
  types?: string[] | undefined;
  /** `open`, `ended`; or a target's state or group: commands with at least one such target. */
  state?: string | undefined;
  issuedBy?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
  agent?: string | undefined;
  component?: string | undefined;
  deployment?: string | undefined;
  text?: string | undefined;
}

export interface TrackedCommand extends CommandHead {
  cancelledAt: Date | null;
  cancelledBy: string | null;
  downloadId: string | null;
  releaseId: string | null;
  counts: Partial<StateCounts> | null;
  /** As the database writes it, to the last digit: for cursors. */
  issuedText: string;
}

export interface AttemptRow {
  attempt: number;
  actionId: string;
  deliveredAt: Date | null;
  endedAt: Date;
  state: TargetState;
  reason: string | null;
  code: number | null;
  message: string | null;
}

export interface MessageRow {
  id: string;
  attempt: number;
  actionId: string;
  at: Date;
  execution: string;
  finished: string;
  code: number | null;
  done: number | null;
  total: number | null;
  messages: string[];
  dropped: number;
}

export interface ExportRow {
  issuedAt: Date;
  commandId: string;
  type: string;
  issuedBy: string;
  controllerId: string | null;
  state: string | null;
  reason: string | null;
  since: Date | null;
  attempt: number | null;
  components: string[] | null;
  versionBefore: string | null;
  versionAfter: string | null;
  deliveredAt: Date | null;
  endedAt: Date | null;
  code: number | null;
  message: string | null;
}

const COLUMNS = `${HEAD}, c.cancelled_at as "cancelledAt", c.cancelled_by as "cancelledBy", c.download_id as "downloadId",
  c.release_id as "releaseId", c.counts, c.issued_at::text as "issuedText"`;

/** Of one product's words in one answer; whoever talks more is cut at the beginning. */
const MAX_CHARACTERS = 2_000_000;

/** A place in the list: newest first. */
export interface Place {
  issuedAt: string;
  seq: string;
}

/** SQL of the tracking list. Every filter has an index in the list's order, so that a page costs the same at any depth. */
@Injectable()
export class TrackingRepository {
  constructor(private readonly dataSource: DataSource) {}

  async list(filter: TrackingFilter, after: Place | null, limit: number): Promise<TrackedCommand[]> {
    const states = filter.state === undefined ? null : statesOf(filter.state);
    const values: unknown[] = [];
    const value = (it: unknown): string => `$${values.push(it)}`;
    const plain = conditions(filter, after, value);
    if (filter.state === 'open') plain.push('c.ended_at is null');
    if (filter.state === 'ended') plain.push('c.ended_at is not null');
    const top = value(limit);
    const page = (where: string[]): string =>
      `(select ${COLUMNS} from ${source(filter, value)} where ${where.join(' and ')} order by ${order(filter)} limit ${top})`;
    // Ended commands carry their numbers, the few open ones are looked up: each part is in the order of the list.
    const parts =
      states === null
        ? [page(plain)]
        : filter.agent !== undefined
          ? // Of one product the state of its own target is meant.
            [page([...plain, `at.state = any(${value(states)})`])]
          : [
              ...states
                .filter((state) => FINAL_STATES.includes(state))
                .map((state) => page([...plain, `(c.counts ->> '${state}') is not null`])),
              page([...plain, 'c.ended_at is null', open(states)]),
            ];
    const sql =
      parts.length === 1
        ? (parts[0] ?? '')
        : `select distinct on ("issuedAt", seq) * from (${parts.join(' union all ')}) both_parts order by "issuedAt" desc, seq desc limit ${top}`;
    return this.dataSource.query<TrackedCommand[]>(sql, values);
  }

  async find(id: string): Promise<TrackedCommand | null> {
    const [row] = await this.dataSource.query<TrackedCommand[]>(`select ${COLUMNS} from command c where c.id = $1`, [
      id,
    ]);
    return row ?? null;
  }

  /** Links both ways. */
  async supersessions(seq: string): Promise<{ supersededBy: string[]; supersedes: string[] }> {
    const rows = await this.dataSource.query<{ id: string; newer: boolean }[]>(
      `select c.id, true as newer from command_supersession s join command c on c.seq = s.command_seq where s.superseded_seq = $1
       union all select c.id, false from command_supersession s join command c on c.seq = s.superseded_seq where s.command_seq = $1
       limit 200`,
      [seq],
    );
    const ids = (newer: boolean): string[] => rows.filter((row) => row.newer === newer).map((row) => row.id);
    return { supersededBy: ids(true), supersedes: ids(false) };
  }

  attempts({ seq, month }: Pick<CommandHead, 'seq' | 'month'>, controllerId: string): Promise<AttemptRow[]> {
    return this.dataSource.query<AttemptRow[]>(
      `select attempt, action_id as "actionId", delivered_at as "deliveredAt", ended_at as "endedAt", state, reason, code, message
       from target_attempt where month = $1 and command_seq = $2 and controller_id = $3 order by attempt`,
      [month, seq, controllerId],
    );
  }

  /** The newest, in the order in which they came; as many as a page can bear, and how many are `left` out. */
  async messages(
    { seq, month }: Pick<CommandHead, 'seq' | 'month'>,
    controllerId: string,
    limit: number,
  ): Promise<{ rows: MessageRow[]; left: number }> {
    const rows = await this.dataSource.query<(MessageRow & { kept: number })[]>(
      `select id, attempt, action_id as "actionId", at, execution, finished, code, done, total, messages, dropped, kept from (
         select *, count(*) over ()::int as kept, sum(length(array_to_string(messages, ''))) over (order by id desc) as characters from target_message
         where month = $1 and command_seq = $2 and controller_id = $3 order by id desc limit $4) newest
       where characters <= ${MAX_CHARACTERS} order by id desc`,
      [month, seq, controllerId, limit],
    );
    return { rows: rows.reverse(), left: (rows[0]?.kept ?? 0) - rows.length };
  }

  /** The last messages of each of these products, for a page of targets. */
  async lastMessages(
    { seq, month }: Pick<CommandHead, 'seq' | 'month'>,
    controllerIds: readonly string[],
    perTarget: number,
  ): Promise<Map<string, string[]>> {
    const rows = await this.dataSource.query<{ controller_id: string; messages: string[] }[]>(
      `select a.controller_id, m.messages from unnest($3::text[]) as a(controller_id), lateral (
         select id, messages[1:10] as messages from target_message m where m.month = $1 and m.command_seq = $2 and m.controller_id = a.controller_id
         order by id desc limit $4) m order by m.id`,
      [month, seq, controllerIds, perTarget],
    );
    const found = new Map<string, string[]>();
    for (const { controller_id, messages } of rows)
      found.set(controller_id, [...(found.get(controller_id) ?? []), ...messages]);
    return found;
  }

  /** One command's targets, of one product where the export is about one. */
  async exported(
    command: TrackedCommand,
    agent: string | undefined,
    after: string | null,
    limit: number,
  ): Promise<ExportRow[]> {
    const rows = await this.dataSource.query<TargetRow[]>(
      `select controller_id as "controllerId", state, reason, since, attempt, components, version_before as "versionBefore",
         version_after as "versionAfter", delivered_at as "deliveredAt", ended_at as "endedAt", code, message
       from command_target where month = $1 and command_seq = $2 and ($3::text is null or controller_id > $3)
         and ($5::text is null or controller_id = $5)
       order by controller_id limit $4`,
      [command.month, command.seq, after, limit, agent ?? null],
    );
    return rows.map((row) => ({
      issuedAt: command.issuedAt,
      commandId: command.id,
      type: command.type,
      issuedBy: command.issuedBy,
      ...row,
      message: row.controllerId === SERVER && row.message !== null ? readWords(row.message).en : row.message,
    }));
  }
}

function source({ agent, component }: TrackingFilter, value: (it: unknown) => string): string {
  if (agent !== undefined)
    return `command c join command_target at on at.month = c.month and at.command_seq = c.seq and at.controller_id = ${value(agent)}`;
  if (component !== undefined)
    return `command_component cc join command c on c.seq = cc.command_seq and cc.component_id = ${value(component)}`;
  return 'command c';
}

/** By the columns of the index that carries the filter. */
function order({ agent, component }: TrackingFilter): string {
  if (agent === undefined && component !== undefined) return 'cc.issued_at desc, cc.command_seq desc';
  return agent === undefined ? 'c.issued_at desc, c.seq desc' : 'at.command_seq desc';
}

function conditions(filter: TrackingFilter, after: Place | null, value: (it: unknown) => string): string[] {
  const where = ['true'];
  const { agent, component } = filter;
  const byComponent = agent === undefined && component !== undefined;
  if (filter.types !== undefined)
    where.push(
      filter.types.length === 1 ? `c.type = ${value(filter.types[0])}` : `c.type = any(${value(filter.types)})`,
    );
  if (filter.issuedBy !== undefined) where.push(`c.issued_by = ${value(filter.issuedBy)}`);
  const issued = byComponent ? 'cc.issued_at' : 'c.issued_at';
  if (filter.from !== undefined) where.push(`${issued} >= ${value(filter.from)}`);
  if (filter.to !== undefined) where.push(`${issued} < ${value(filter.to)}`);
  if (agent !== undefined && component !== undefined) where.push(`c.components @> array[${value(component)}]`);
  if (filter.deployment !== undefined) where.push(`c.deployment_id = ${value(filter.deployment)}`);
  if (filter.text !== undefined) where.push(`c.search @@ ${value(prefixQuery(filter.text))}::tsquery`);
  if (after !== null) {
    if (agent !== undefined) where.push(`at.command_seq < ${value(after.seq)}`);
    else {
      const seq = byComponent ? 'cc.command_seq' : 'c.seq';
      where.push(`(${issued}, ${seq}) < (${value(after.issuedAt)}::timestamptz, ${value(after.seq)}::bigint)`);
    }
  }
  return where;
}

/** Open commands with a target in one of the states. */
function open(states: readonly TargetState[]): string {
  if (states.length === 0) return 'false';
  const named = states.map((state) => `'${state}'`).join(', ');
  return `exists (select 1 from command_tally n where n.command_seq = c.seq and n.state in (${named}) having sum(n.delta) > 0)`;
}

/** Words of the search, each the beginning of one that the command has. */
export function prefixQuery(text: string): string {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 10);
  return words.map((word) => `'${word.slice(0, 200).replace(/[\\']/g, '\\$&').replaceAll("\\'", "''")}':*`).join(' & ');
}

/** States of a filter; null for `open` and `ended`. Of a word that is neither: a state that no target has. */
function statesOf(word: string): TargetState[] | null {
  if (word === 'open' || word === 'ended') return null;
  if (isTargetState(word)) return [word];
  return TARGET_STATES.filter((state) => GROUP_OF[state] === (word as StateGroup));
}
