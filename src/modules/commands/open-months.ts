import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DataSource } from 'typeorm';
import { NotificationBus } from '../../database/notify.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';

const REFRESH_MS = 300_000;

/**
 * The months in which targets are open: one or two of all that are kept. With them a query for the work of a product looks at
 * these partitions alone, and plans for no others. Every order that is announced adds its month.
 */
@Injectable()
export class OpenMonths implements OnApplicationBootstrap {
  private months: Set<string> | null = null;
  private added = new Set<string>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly bus: NotificationBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.refresh();
  }

  /** Null: not known, look at all of them. */
  current(): string[] | null {
    return this.months !== null && this.bus.connected ? [...this.months] : null;
  }

  add(month: string): void {
    this.added.add(month);
    this.months?.add(month);
  }

  /** Announcements may be missing: nothing is left out until the next look. */
  forget(): void {
    this.months = null;
    void this.refresh();
  }

  @Interval(REFRESH_MS)
  async refresh(): Promise<void> {
    try {
      // What is announced from here on counts, whatever the query sees.
      this.added = new Set();
      const partitions = await this.dataSource.query<{ name: string }[]>(
        `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'command_target'::regclass and c.relname ~ '^command_target_\\d{4}_\\d{2}$'`,
      );
      const looks = partitions.map(
        ({ name }) =>
          `select '${name.slice(-7).replace('_', '-')}-01' as month where exists (select 1 from "${name}" where ended_at is null)`,
      );
      const rows =
        looks.length === 0 ? [] : await this.dataSource.query<{ month: string }[]>(looks.join(' union all '));
      this.months = new Set([...rows.map((row) => row.month), ...this.added]);
    } catch (fault) {
      this.months = null;
      this.logger.debug({ err: fault }, 'the months with open targets are not known; all of them are looked at');
    }
  }
}
