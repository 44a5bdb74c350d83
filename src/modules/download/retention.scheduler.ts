import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { RetentionService, type RetentionReport } from '../../mirror/snapshot/retention.service.js';
import { toAppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { DownloadObservers } from './download.observers.js';
import { DownloadRepository } from './download.repository.js';

/** When old snapshots and contents are let go of: after a download that published, daily, and when a person says so. */
@Injectable()
export class RetentionScheduler implements OnModuleInit, OnApplicationShutdown {
  private readonly stop = new AbortController();
  /** One collection at a time in this process; the lock of the publisher sees to the other nodes. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly retention: RetentionService,
    private readonly downloads: DownloadRepository,
    private readonly observers: DownloadObservers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.observers.add({ ended: (_id, _state, snapshotId) => void (snapshotId !== null && this.collectQuietly()) });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.idle();
  }

  /** Resolves when no collection runs in this process. */
  async idle(): Promise<void> {
    await this.last;
  }

  /** @throws as `RetentionService.run`. */
  collect(): Promise<RetentionReport> {
    const run = this.last.then(() =>
      this.retention.run({
        blobsInUse: async () => (await this.downloads.open()) !== null,
        signal: this.stop.signal,
      }),
    );
    this.last = run.catch(() => undefined);
    return run;
  }

  @Cron('0 41 4 * * *')
  async daily(): Promise<void> {
    await this.collectQuietly();
  }

  private async collectQuietly(): Promise<void> {
    if (this.stop.signal.aborted) return;
    try {
      await this.collect();
    } catch (fault) {
      if (this.stop.signal.aborted) return;
      const error = toAppError(fault);
      const log = { code: error.code, details: error.details, err: fault };
      if (error.kind === 'storage') this.logger.error(log, error.message);
      else this.logger.warn(log, 'old snapshots and contents could not be removed; the next collection tries again');
    }
  }
}
