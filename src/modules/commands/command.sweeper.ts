import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandHeads } from './command-heads.js';
import { CommandRepository } from './command.repository.js';
import { CommandSettings } from './command.settings.js';
import { transitionOf } from './target-states.js';

const SWEEP_MS = 10_000;
const FOLD_MS = 30_000;
const BATCH = 2_000;
const MAX_ENDED = 200;

interface Swept {
  command_seq: string;
  controller_id: string;
}

/**
 * What happens by time alone. Every node sweeps; rows that another node has in hand are left to it, and every change is
 * conditional, so that nothing happens twice.
 */
@Injectable()
export class CommandSweeper {
  constructor(
    private readonly dataSource: DataSource,
    private readonly commands: CommandRepository,
    private readonly heads: CommandHeads,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly settings: CommandSettings,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Interval(SWEEP_MS)
  async tick(): Promise<void> {
    try {
      await this.sweep();
    } catch (fault) {
      this.logger.debug({ err: fault }, 'commands could not be swept; the next time they are');
    }
  }

  @Interval(FOLD_MS)
  async fold(): Promise<void> {
    try {
      await this.commands.foldTallies();
    } catch (fault) {
      this.logger.debug({ err: fault }, 'the numbers of commands could not be summed up; they count all the same');
    }
  }

  /** One look at everything that may be due. */
  async sweep(): Promise<void> {
    await this.offerRetries();
    await this.expire();
    await this.markSlow();
    await this.ends.promote(null);
    for (const seq of await this.commands.endable(MAX_ENDED)) await this.ends.endOne(seq);
  }

  /** The pause between two tries is over. */
  async offerRetries(): Promise<number> {
    const now = this.clock.now();
    return this.batches(
      (manager) =>
        manager.query<[Swept[], number]>(
          `with due as (select month, command_seq, controller_id from command_target
             where held = 'retry' and next_attempt_at <= $1 limit ${BATCH} for update skip locked)
           update command_target t set held = null, reason = null, since = $1, progress_at = $1 from due
           where t.month = due.month and t.command_seq = due.command_seq and t.controller_id = due.controller_id and t.held = 'retry'
           returning t.command_seq, t.controller_id`,
          [now],
        ),
      (rows) => this.feed.products(rows.map((row) => row.controller_id)),
    );
  }

  /**
   * Their time is over. A product that is at it and told so within the time for slowness is not cut off: its order expires
   * when it falls silent; asked to stop, it has as long for its answer.
   */
  async expire(): Promise<number> {
    const now = this.clock.now();
    const silentSince = new Date(now.getTime() - (await this.settings.get()).slowMinutes * 60_000);
    const { from, to } = transitionOf('expire');
    return this.batches(
      (manager) =>
        manager.query<[Swept[], number]>(
          `with due as (select month, command_seq, controller_id, state from command_target
             where ended_at is null and expires_at <= $1
               and (state in ('queued', 'delivered') or case state when 'cancelling' then since else progress_at end <= $2) limit ${BATCH} for update skip locked),
           freed as (delete from open_update u using due where u.command_seq = due.command_seq and u.controller_id = due.controller_id),
           kept as (insert into target_attempt (month, command_seq, controller_id, attempt, action_id, delivered_at, ended_at, state, reason)
             select t.month, t.command_seq, t.controller_id, t.attempt, t.action_id, t.delivered_at, $1, $4, 'expired-' || t.state
             from due join command_target t using (month, command_seq, controller_id) where t.delivered_at is not null on conflict do nothing)
           update command_target t set state = $4, held = null, since = $1, ended_at = $1,
             reason = case due.state when 'cancelling' then 'cancel-not-confirmed' when 'queued' then 'not-fetched' else 'not-finished' end
           from due where t.month = due.month and t.command_seq = due.command_seq and t.controller_id = due.controller_id
             and t.state = any($3)
           returning t.command_seq, t.controller_id`,
          [now, silentSince, from, to],
        ),
      async (rows) => {
        await this.tell(rows, to as 'expired');
        this.ends.promoteLater(rows.map((row) => row.controller_id));
      },
    );
  }

  /** No progress for two hours: a mark, not a state. */
  async markSlow(): Promise<number> {
    const now = this.clock.now();
    const before = new Date(now.getTime() - (await this.settings.get()).slowMinutes * 60_000);
    return this.batches(
      (manager) =>
        manager.query<[Swept[], number]>(
          `with due as (select month, command_seq, controller_id from command_target
             where ended_at is null and state <> 'queued' and slow_since is null and progress_at <= $2 limit ${BATCH} for update skip locked)
           update command_target t set slow_since = $1 from due
           where t.month = due.month and t.command_seq = due.command_seq and t.controller_id = due.controller_id and t.ended_at is null
           returning t.command_seq, t.controller_id`,
          [now, before],
        ),
      (rows) => this.tell(rows, null),
    );
  }

  private async batches(
    change: (manager: EntityManager) => Promise<[Swept[], number]>,
    after: (rows: Swept[]) => void | Promise<void>,
  ): Promise<number> {
    let total = 0;
    for (;;) {
      const [rows] = await inTransaction(this.dataSource, change);
      total += rows.length;
      if (rows.length > 0) await after(rows);
      if (rows.length < BATCH) return total;
    }
  }

  /** @param state null: only the command's numbers are worth telling */
  private async tell(rows: Swept[], state: 'expired' | null): Promise<void> {
    for (const { command_seq, controller_id } of rows) {
      const { id: commandId, deploymentId } = await this.heads.get(command_seq);
      if (state === null) this.feed.command({ commandId, deploymentId });
      else {
        this.feed.target({ commandId, deploymentId, controllerId: controller_id, state, reason: null }, true);
        this.ends.look(command_seq);
      }
    }
  }
}
