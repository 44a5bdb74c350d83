import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Cron, Interval } from '@nestjs/schedule';
import { MissingRequests } from '../../mirror/source/missing-requests.js';
import { Clock } from '../../platform/clock/clock.js';
import { toAppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { MissingRequestRepository } from './missing-request.repository.js';

const FLUSH_MS = 10_000;
const HISTORY_DAYS = 400;
const DAY_MS = 86_400_000;

/** The day (UTC) so many days before now, YYYY-MM-DD. */
export function dayBefore(now: Date, days: number): string {
  return new Date(now.getTime() - days * DAY_MS).toISOString().slice(0, 10);
}

/** Writes what the update source counted into the database, from time to time: a request never waits for it. */
@Injectable()
export class MissingRequestRecorder implements OnApplicationShutdown {
  private failing = false;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly missing: MissingRequests,
    private readonly repository: MissingRequestRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** What cannot be written stays counted, and is tried again. Never rejects. */
  @Interval(FLUSH_MS)
  flush(): Promise<void> {
    this.last = this.last.then(() => this.write());
    return this.last;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  @Cron('0 23 4 * * *')
  async prune(): Promise<void> {
    try {
      await this.repository.prune(dayBefore(this.clock.now(), HISTORY_DAYS));
    } catch (fault) {
      this.logger.warn({ err: fault }, 'old counts of missing requests could not be removed; tomorrow they are');
    }
  }

  private async write(): Promise<void> {
    const counts = this.missing.drain();
    if (counts.length === 0) return;
    try {
      await this.repository.add(counts);
      this.failing = false;
    } catch (fault) {
      for (const count of counts) this.missing.add(count);
      // Every ten seconds would be too often to say so.
      if (!this.failing)
        this.logger.warn(
          { code: toAppError(fault).code },
          'counts of missing requests are kept until they can be written',
        );
      this.failing = true;
    }
  }
}
