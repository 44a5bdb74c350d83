import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { CommandSettings } from './command.settings.js';

const PARTITIONED = ['command_target', 'target_attempt', 'target_message', 'agent_event'];
const MONTHS_AHEAD = 2;
const DELETE_BATCH = 5_000;
const DROP_WAIT_MS = 2_000;

/** First day of the month (UTC) in which something falls: the key of its partition. */
export function monthOf(at: Date): string {
  return `${at.toISOString().slice(0, 7)}-01`;
}

/** First day of the month that a partition is for. */
function monthIn(partition: string): string {
  return `${partition.slice(-7).replace('_', '-')}-01`;
}

export function addMonths(month: string, count: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 10);
}

/** The partitions of commands: made ahead, dropped when their time is over. */
@Injectable()
export class Months implements OnApplicationBootstrap {
  private readonly made = new Set<string>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly settings: CommandSettings,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.makeAhead();
  }

  /** Every day: a partition must be there before the first row of its month. */
  @Cron('0 41 3 * * *')
  async daily(): Promise<void> {
    try {
      await this.makeAhead();
      const dropped = await this.dropOld();
      if (dropped.length > 0) this.logger.info({ months: dropped }, 'the commands of old months were removed');
    } catch (fault) {
      this.logger.warn({ err: fault }, 'the partitions of commands could not be seen to; the next night will');
    }
  }

  async makeAhead(): Promise<void> {
    const month = monthOf(this.clock.now());
    for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead += 1) await this.ensure(addMonths(month, ahead));
  }

  /** Before rows are written; costs nothing after the first time. */
  async ensure(month: string, manager: EntityManager = this.dataSource.manager): Promise<void> {
    if (this.made.has(month)) return;
    await manager.query(`select ensure_command_month($1) where to_regclass($2) is null`, [
      month,
      `agent_event_${month.slice(0, 7).replace('-', '_')}`,
    ]);
    // Made within a transaction that may yet be rolled back: not remembered then.
    if (manager === this.dataSource.manager) this.made.add(month);
  }

  /** @returns the months that went. */
  async dropOld(): Promise<string[]> {
    const { retentionMonths } = await this.settings.get();
    const oldest = addMonths(monthOf(this.clock.now()), -retentionMonths);
    const rows = await this.dataSource.query<{ name: string }[]>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
       where p.relname = any($1) and c.relname ~ '_\\d{4}_\\d{2}$'`,
      [PARTITIONED],
    );
    const open = await this.openBefore(oldest);
    const old = rows.filter(({ name }) => monthIn(name) < oldest && !open.includes(monthIn(name)));
    for (const { name } of old) await this.drop(name);
    await this.deleteCommands(oldest, open);
    for (const { name } of old) this.made.delete(monthIn(name));
    return [...new Set(old.map(({ name }) => monthIn(name).slice(0, 7)))].sort();
  }

  /** Months of which something may still be carried out: those stay until it has ended. */
  private async openBefore(month: string): Promise<string[]> {
    const rows = await this.dataSource.query<{ month: string }[]>(
      `select distinct month::text as month from command_target where month < $1 and ended_at is null and expires_at > $2`,
      [month, this.clock.now()],
    );
    return rows.map((row) => row.month);
  }

  /**
   * Every node does this in the same minute. Nothing of commands can be read or written while it waits for somebody who reads for long,
   * an export say: then it is left for the next night.
   * @param name from the catalogue of the database, of a form that was checked
   */
  private async drop(name: string): Promise<void> {
    await inTransaction(this.dataSource, async (manager) => {
      await manager.query(`set local lock_timeout = ${DROP_WAIT_MS}`);
      await manager.query(`drop table if exists "${name}"`);
    });
  }

  private async deleteCommands(oldest: string, open: readonly string[]): Promise<void> {
    for (;;) {
      const [, count] = await this.dataSource.query<[unknown[], number]>(
        `delete from command where seq in (select seq from command where month < $1 and month <> all($2::date[])
           order by seq limit ${DELETE_BATCH})`,
        [oldest, open],
      );
      if (count < DELETE_BATCH) break;
    }
    for (const table of ['command_tally', 'open_update', 'installed_action'])
      await this.dataSource.query(
        `delete from ${table} where command_seq < coalesce((select min(seq) from command), 0)`,
      );
    await this.dataSource.query(
      `delete from command_supersession where superseded_seq < coalesce((select min(seq) from command), 0)`,
    );
  }
}
