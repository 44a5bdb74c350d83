import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Feedback } from '../agents/agents.api.js';
import type { CommandType, MaintenanceWindow } from './command.types.js';
import { OpenMonths } from './open-months.js';
import { transitionOf, type TargetState } from './target-states.js';

/** What is open for a product, as polls need it. */
export interface OpenAction {
  controllerId: string;
  actionId: string;
  state: TargetState;
  type: CommandType;
  confirmation: string | null;
  /** Of the content: a product that knows this one need not look again. */
  components: string[];
  window: MaintenanceWindow | null;
}

/** One action of one product. */
export interface ActionRow {
  month: string;
  commandSeq: string;
  controllerId: string;
  actionId: string;
  state: TargetState;
  held: string | null;
  attempt: number;
  components: string[];
  confirmation: string | null;
  stateBeforeCancel: TargetState | null;
  deliveredAt: Date | null;
  expiresAt: Date;
  endedAt: Date | null;
  feedbackCount: number;
  droppedMessages: number;
  versionBefore: string | null;
}

/** What a product asks for by the link that a poll gave it: of a deployment, or of another command. */
export interface WantedAction {
  controllerId: string;
  actionId: string;
  kind: 'deployment' | 'command';
}

export type ActionKey = Pick<ActionRow, 'month' | 'commandSeq' | 'controllerId'>;

/** How a try ended. */
export interface AttemptEnd {
  state: TargetState;
  reason: string | null;
  code: number | null;
  message: string | null;
}

export interface ActionChange {
  from: readonly TargetState[];
  /** Column → value. */
  set: Record<string, unknown>;
  /** To be kept with the action; null: there are too many already. */
  feedback: Feedback | null;
  attempt: AttemptEnd | null;
  /** Whether the places of its components become free. */
  free: boolean;
  /** Whether it becomes the product's installedBase. */
  installed: boolean;
  now: Date;
}

const MAX_KEYS = 50_000;

const ACTION = `month::text as month, command_seq as "commandSeq", controller_id as "controllerId", action_id as "actionId", state, held,
  attempt, components, confirmation, state_before_cancel as "stateBeforeCancel", delivered_at as "deliveredAt",
  expires_at as "expiresAt", ended_at as "endedAt", feedback_count as "feedbackCount",
  dropped_messages as "droppedMessages", version_before as "versionBefore"`;

/** SQL of single actions: what products do. */
@Injectable()
export class ActionRepository {
  private readonly keys = new Map<string, ActionKey>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly months: OpenMonths,
  ) {}

  /** For all of these products in one query. */
  async open(controllerIds: readonly string[]): Promise<OpenAction[]> {
    const rows = await this.dataSource.query<(OpenAction & ActionKey)[]>(
      `select t.controller_id as "controllerId", t.action_id as "actionId", t.state, c.type, t.confirmation, t.components,
         case c.type when 'deploy' then nullif(c.parameters -> 'window', 'null') end as window, t.month::text as month, t.command_seq as "commandSeq"
       from command_target t join command c on c.seq = t.command_seq
       where t.controller_id = any($1) and t.ended_at is null and t.held is null and ($2::date[] is null or t.month = any($2))
       order by t.controller_id, t.action_id`,
      [controllerIds, this.months.current()],
    );
    for (const { actionId, month, commandSeq, controllerId } of rows)
      this.remember(actionId, { month, commandSeq, controllerId });
    return rows;
  }

  async installed(controllerIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.dataSource.query<{ controller_id: string; action_id: string }[]>(
      `select controller_id, action_id from installed_action where controller_id = any($1)`,
      [controllerIds],
    );
    return new Map(rows.map((row) => [row.controller_id, row.action_id]));
  }

  async installedOf(controllerId: string): Promise<(ActionKey & { actionId: string }) | null> {
    const [row] = await this.dataSource.query<(ActionKey & { actionId: string })[]>(
      `select month::text as month, command_seq as "commandSeq", controller_id as "controllerId", action_id as "actionId"
       from installed_action where controller_id = $1`,
      [controllerId],
    );
    return row ?? null;
  }

  /** The action as it is now, or null when it is none of this product's, or one of an earlier try. */
  async find(controllerId: string, actionId: string): Promise<ActionRow | null> {
    const key = this.keys.get(actionId);
    if (key !== undefined && key.controllerId === controllerId) {
      const [row] = await this.dataSource.query<ActionRow[]>(
        `select ${ACTION} from command_target where month = $1 and command_seq = $2 and controller_id = $3 and action_id = $4`,
        [key.month, key.commandSeq, controllerId, actionId],
      );
      if (row !== undefined) return row;
    }
    const of = (rest: string): Promise<ActionRow[]> =>
      this.dataSource.query<ActionRow[]>(
        `select ${ACTION} from command_target where controller_id = $1 and action_id = $2 ${rest}`,
        [controllerId, actionId],
      );
    // Open ones have an index of their own, and are nearly all that is asked for.
    const [open] = await of('and ended_at is null');
    const found = open ?? (await of(''))[0] ?? null;
    if (found !== null) this.remember(actionId, found);
    return found;
  }

  /** Where it is, as far as this process knows; an action never moves. */
  keyOf(controllerId: string, actionId: string): ActionKey | null {
    const key = this.keys.get(actionId);
    return key?.controllerId === controllerId ? key : null;
  }

  private remember(actionId: string, { month, commandSeq, controllerId }: ActionKey): void {
    this.keys.set(actionId, { month, commandSeq, controllerId });
    const [oldest] = this.keys.keys();
    if (this.keys.size > MAX_KEYS && oldest !== undefined) this.keys.delete(oldest);
  }

  /** Products have the orders that they fetched now: those of them that could be fetched come back. One statement, one round trip. */
  async deliver(wanted: readonly WantedAction[], now: Date): Promise<ActionRow[]> {
    const { from, to } = transitionOf('deliver');
    const [rows] = await this.dataSource.query<[ActionRow[], number]>(
      `update command_target t set state = $4, reason = null, since = $5, delivered_at = $5, progress_at = $5
       from unnest($1::text[], $2::bigint[], $3::boolean[]) as wanted(product, action, deployment)
       where t.controller_id = wanted.product and t.action_id = wanted.action and t.ended_at is null
         and ($7::date[] is null or t.month = any($7)) and t.state = any($6) and t.held is null
         and (t.confirmation is null or t.confirmation = 'confirmed')
         and exists (select 1 from command c where c.seq = t.command_seq and (c.type = 'deploy') = wanted.deployment)
       returning ${ACTION}`,
      [
        wanted.map(({ controllerId }) => controllerId),
        wanted.map(({ actionId }) => actionId),
        wanted.map(({ kind }) => kind === 'deployment'),
        to,
        now,
        from,
        this.months.current(),
      ],
    );
    for (const row of rows) this.remember(row.actionId, row);
    return rows;
  }

  /** Locks it for the rest of the transaction. */
  async lock(manager: EntityManager, key: ActionKey): Promise<ActionRow | null> {
    const [row] = await manager.query<ActionRow[]>(
      `select ${ACTION} from command_target where month = $1 and command_seq = $2 and controller_id = $3 for update`,
      [key.month, key.commandSeq, key.controllerId],
    );
    return row ?? null;
  }

  /** Whether it was an action of this product once: an earlier try of something. */
  async wasTried(controllerId: string, actionId: string): Promise<boolean> {
    const [row] = await this.dataSource.query<unknown[]>(
      `select 1 from target_attempt where action_id = $2 and controller_id = $1 limit 1`,
      [controllerId, actionId],
    );
    return row !== undefined;
  }

  /** A fresh number for the next try. */
  async nextActionId(manager: EntityManager): Promise<string> {
    const [row] = await manager.query<{ id: string }[]>(`select nextval('action_id_seq') as id`);
    return row?.id ?? '0';
  }

  /**
   * Everything that follows from one message, in one statement: products by the thousand report at once.
   * @returns false when the state is not one of `from` any more; the caller rolls back.
   */
  async write(manager: EntityManager, action: ActionRow, change: ActionChange): Promise<boolean> {
    const values: unknown[] = [action.month, action.commandSeq, action.controllerId, action.actionId, change.from];
    const value = (it: unknown): string => `$${values.push(it)}`;
    const columns = Object.entries(change.set).map(([column, it]) => `${column} = ${value(it)}`);
    // A value that no part names would be one too many.
    const now = (): string => value(change.now);
    const parts = [
      `changed as (update command_target set ${columns.join(', ')}
         where month = $1 and command_seq = $2 and controller_id = $3 and action_id = $4 and state = any($5) returning 1)`,
    ];
    if (change.feedback !== null) {
      const { execution, finished, code, progress, messages, dropped } = change.feedback;
      parts.push(
        `noted as (insert into target_message (month, command_seq, controller_id, action_id, at, attempt, execution, finished,
           code, done, total, messages, dropped)
         values ($1, $2, $3, $4, ${now()}, ${[action.attempt, execution, finished, code, progress?.done ?? null, progress?.total ?? null, messages, dropped].map(value).join(', ')}))`,
      );
    }
    if (change.attempt !== null) {
      const { state, reason, code, message } = change.attempt;
      parts.push(
        `kept as (insert into target_attempt (month, command_seq, controller_id, action_id, ended_at, attempt, delivered_at, state,
           reason, code, message)
         values ($1, $2, $3, $4, ${now()}, ${[action.attempt, action.deliveredAt, state, reason, code, message].map(value).join(', ')})
         on conflict do nothing)`,
      );
    }
    if (change.free) parts.push(`freed as (delete from open_update where command_seq = $2 and controller_id = $3)`);
    if (change.installed)
      parts.push(
        `put as (insert into installed_action (controller_id, action_id, month, command_seq, at) values ($3, $4, $1, $2, ${now()})
         on conflict (controller_id) do update set action_id = $4, month = $1, command_seq = $2, at = excluded.at)`,
      );
    const [row] = await manager.query<{ changed: number }[]>(
      `with ${parts.join(', ')} select count(*)::int as changed from changed`,
      values,
    );
    return row?.changed === 1;
  }

  /** The last messages of an action, oldest first. */
  async history(key: ActionKey, actionId: string, limit: number): Promise<string[]> {
    const rows = await this.dataSource.query<{ messages: string[] }[]>(
      `select messages from target_message where month = $1 and command_seq = $2 and controller_id = $3 and action_id = $4
       order by id desc limit $5`,
      [key.month, key.commandSeq, key.controllerId, actionId, limit],
    );
    return rows
      .reverse()
      .flatMap((row) => row.messages)
      .slice(-limit);
  }

  async confirmAll(manager: EntityManager, controllerId: string, now: Date): Promise<void> {
    await manager.query(
      `update command_target set confirmation = 'confirmed', since = $2 where controller_id = $1 and ended_at is null
         and confirmation in ('needed', 'denied') and state = 'queued'`,
      [controllerId, now],
    );
  }

  /** @returns the commands that had open targets of these products. */
  async endAllOf(
    manager: EntityManager,
    controllerIds: readonly string[],
    now: Date,
  ): Promise<{ seq: string; commandId: string; deploymentId: string | null }[]> {
    const touched = await manager.query<{ seq: string; commandId: string; deploymentId: string | null }[]>(
      `with ended as (
         update command_target set state = 'cancelled', reason = 'agent-removed', held = null, since = $2, ended_at = $2
         where controller_id = any($1) and ended_at is null returning command_seq)
       select c.seq, c.id as "commandId", c.deployment_id as "deploymentId" from command c
       where c.seq in (select command_seq from ended) order by c.seq`,
      [controllerIds, now],
    );
    await manager.query(`delete from open_update where controller_id = any($1)`, [controllerIds]);
    await manager.query(`delete from installed_action where controller_id = any($1)`, [controllerIds]);
    return touched;
  }
}
