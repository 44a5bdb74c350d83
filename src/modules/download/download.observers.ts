import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import type { Download, DownloadState } from './download.entity.js';
import type { DownloadProgress } from './download.repository.js';

/** What others want to know of downloads: command tracking, the event stream, deployments that wait for new versions. */
export interface DownloadObserver {
  started?(id: string, wish: Pick<Download, 'trigger' | 'components' | 'startedBy'>): Promise<void> | void;
  progressed?(id: string, progress: DownloadProgress): void;
  ended?(id: string, state: DownloadState, snapshotId: string | null): Promise<void> | void;
}

/** Tells the observers; their faults are logged and never reach the download. */
@Injectable()
export class DownloadObservers {
  private readonly observers = new Set<DownloadObserver>();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  add(observer: DownloadObserver): void {
    this.observers.add(observer);
  }

  async started(id: string, wish: Pick<Download, 'trigger' | 'components' | 'startedBy'>): Promise<void> {
    await this.each((observer) => observer.started?.(id, wish));
  }

  progressed(id: string, progress: DownloadProgress): void {
    for (const observer of this.observers) observer.progressed?.(id, progress);
  }

  async ended(id: string, state: DownloadState, snapshotId: string | null): Promise<void> {
    await this.each((observer) => observer.ended?.(id, state, snapshotId));
  }

  private async each(tell: (observer: DownloadObserver) => Promise<void> | void): Promise<void> {
    for (const observer of this.observers) {
      try {
        await tell(observer);
      } catch (fault) {
        this.logger.error({ err: fault }, 'an observer of downloads failed');
      }
    }
  }
}
