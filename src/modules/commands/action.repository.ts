import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Feedback } from '../agents/agents.api.js';
import type { CommandType } from './command.types.js';
import type { TargetState } from './target-states.js';

/** What is open for a product, as polls need it. */
export interface OpenAction {
  controllerId: string;
  actionId: string;
  state: TargetState;
  type: CommandType;
  confirmation: string | null;
  /** Of the content: a product that knows this one need not look again. */
  components: string[];
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
  versionBefore: string | null;
}

export type ActionKey = Pick<ActionRow, 'month' | 'commandSeq' | 'controllerId'>;

const ACTION = `month::text as month, command_seq as "commandSeq", controller_id as "controllerId", action_id as "actionId", state, held,
  attempt, components, confirmation, state_before_cancel as "stateBeforeCancel", delivered_at as "deliveredAt",
  expires_at as "expiresAt", ended_at as "endedAt", feedback_count as "feedbackCount", version_before as "versionBefore"`;

/** SQL of single actions: what products do. */
@Injectable()
export class ActionRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** For all of these products in one query. */
  open(controllerIds: readonly string[]): Promise<OpenAction[]> {
    return this.dataSource.query<OpenAction[]>(
      `select t.controller_id as "controllerId", t.action_id as "actionId", t.state, c.type, t.confirmation, t.components
       from command_target t join command c on c.seq = t.command_seq
       where t.controller_id = any($1) and t.ended_at is null and t.held is null
       order by t.controller_id, t.action_id`,
      [controllerIds],
    );
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
    const of = (rest: string): Promise<ActionRow[]> =>
      this.dataSource.query<ActionRow[]>(
        `select ${ACTION} from command_target where controller_id = $1 and action_id = $2 ${rest}`,
        [controllerId, actionId],
      );
    // Open ones have an index of their own, and are nearly all that is asked for.
    const [open] = await of('and ended_at is null');
    return open ?? (await of(''))[0] ?? null;
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

  /** Conditional, like every change: false when another one was faster. */
  async change(
    manager: EntityManager,
    key: ActionKey,
    actionId: string,
    from: readonly TargetState[],
    to: Record<string, unknown>,
  ): Promise<boolean> {
    const columns = Object.keys(to);
    const [, changed] = await manager.query<[unknown[], number]>(
      `update command_target set ${columns.map((column, index) => `${column} = $${index + 6}`).join(', ')}
       where month = $1 and command_seq = $2 and controller_id = $3 and action_id = $4 and state = any($5)`,
      [key.month, key.commandSeq, key.controllerId, actionId, from, ...Object.values(to)],
    );
    return changed > 0;
  }

  /** A fresh number for the next try. */
  async nextActionId(manager: EntityManager): Promise<string> {
    const [row] = await manager.query<{ id: string }[]>(`select nextval('action_id_seq') as id`);
    return row?.id ?? '0';
  }

  async addMessage(manager: EntityManager, action: ActionRow, feedback: Feedback, now: Date): Promise<void> {
    await manager.query(
      `insert into target_message (month, command_seq, controller_id, action_id, attempt, at, execution, finished, code, done, total,
         messages, dropped)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [
        action.month,
        action.commandSeq,
        action.controllerId,
        action.actionId,
        action.attempt,
        now,
        feedback.execution,
        feedback.finished,
        feedback.code,
        feedback.progress?.done ?? null,
        feedback.progress?.total ?? null,
        feedback.messages,
        feedback.dropped,
      ],
    );
  }

  async addAttempt(
    manager: EntityManager,
    action: ActionRow,
    end: { state: string; reason: string | null; code: number | null; message: string | null; now: Date },
  ): Promise<void> {
    await manager.query(
      `insert into target_attempt (month, command_seq, controller_id, attempt, action_id, delivered_at, ended_at, state, reason, code, message)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
      [
        action.month,
        action.commandSeq,
        action.controllerId,
        action.attempt,
        action.actionId,
        action.deliveredAt,
        end.now,
        end.state,
        end.reason,
        end.code,
        end.message,
      ],
    );
  }

  async setInstalled(manager: EntityManager, action: ActionRow, now: Date): Promise<void> {
    await manager.query(
      `insert into installed_action (controller_id, action_id, month, command_seq, at) values ($1, $2, $3, $4, $5)
       on conflict (controller_id) do update set action_id = $2, month = $3, command_seq = $4, at = $5`,
      [action.controllerId, action.actionId, action.month, action.commandSeq, now],
    );
  }

  /** The last messages of an action, oldest first. */
  async history(key: ActionKey, actionId: string, limit: number): Promise<string[]> {
    const rows = await this.dataSource.query<{ messages: string[] }[]>(
      `select messages from target_message where month = $1 and command_seq = $2 and controller_id = $3 and action_id = $4
       order by id desc limit $5`,
      [key.month, key.commandSeq, key.controllerId, actionId, limit],
    );
    return rows
      .flatMap((row) => row.messages)
      .slice(0, limit)
      .reverse();
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
    actor: string,
    now: Date,
  ): Promise<string[]> {
    const [rows] = await manager.query<[{ command_seq: string }[], number]>(
      `update command_target set state = 'cancelled', reason = 'agent-removed', message = $3, held = null, since = $2, ended_at = $2
       where controller_id = any($1) and ended_at is null returning command_seq`,
      [controllerIds, now, `the product was removed by ${actor}`],
    );
    await manager.query(`delete from open_update where controller_id = any($1)`, [controllerIds]);
    await manager.query(`delete from installed_action where controller_id = any($1)`, [controllerIds]);
    return [...new Set(rows.map((row) => row.command_seq))];
  }
}
