import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, Interval } from '@nestjs/schedule';
import { SettingStore } from '../../database/setting-store.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { fateOf } from '../../platform/process/process-mark.js';
import { interruptedEvent } from './download-outcome.js';
import type { Download } from './download.entity.js';
import { DownloadRepository } from './download.repository.js';
import { DownloadService } from './download.service.js';
import { DownloadObservers } from './download.observers.js';
import { isDue, SCHEDULE_DEFAULT, type DownloadScheduleSetting } from './schedule.settings.js';
import { UpdateEventRepository } from './update-event.repository.js';

const SWEEP_MS = 10_000;
const HISTORY_DAYS = 400;

/** The clock of downloads. Every node ticks; the database lets one of them have each tick. A missed tick is not made up for. */
@Injectable()
export class DownloadScheduler implements OnApplicationBootstrap {
  constructor(
    private readonly settings: SettingStore,
    private readonly downloads: DownloadService,
    private readonly repository: DownloadRepository,
    private readonly observers: DownloadObservers,
    private readonly events: UpdateEventRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** After a crash and a restart the lock of the dead process is gone at once. */
  async onApplicationBootstrap(): Promise<void> {
    await this.sweep();
  }

  @Cron('0 * * * * *')
  async minute(): Promise<void> {
    try {
      await this.tick(this.clock.now());
    } catch (fault) {
      this.logger.warn({ err: fault }, 'the schedule could not be looked at; the next minute will');
    }
  }

  /** One look at the schedule. @returns the id of the download that it started. */
  async tick(now: Date): Promise<string | null> {
    const setting = await this.settings.get<DownloadScheduleSetting>('download-schedule', SCHEDULE_DEFAULT);
    const minute = new Date(Math.floor(now.getTime() / 60_000) * 60_000);
    if (!isDue({ ...SCHEDULE_DEFAULT, ...setting }, minute)) return null;
    return this.downloads.startScheduled(minute);
  }

  /** A download whose process has died must not hold the lock. */
  @Interval(SWEEP_MS)
  async sweep(): Promise<void> {
    try {
      await this.clearStale();
    } catch (fault) {
      this.logger.debug({ err: fault }, 'stale downloads could not be looked for');
    }
  }

  async clearStale(): Promise<number> {
    const open = await this.repository.open();
    if (open === null) return 0;
    const cleared = await this.repository.clearStale(
      // Our own may have been silent for long, while the database was away.
      { dead: ownerIsGone(open) ? open.id : null, live: this.downloads.live()?.id ?? null },
      this.clock.now(),
      (manager, ended) => {
        // What was published has its lines already.
        const lost = ended.filter(({ snapshotId }) => snapshotId === null);
        return this.events.add(lost.map(interruptedEvent), this.clock.now(), manager);
      },
    );
    for (const download of cleared) {
      this.logger.warn(
        { download: download.id, node: download.ownerNode, ownerPid: download.ownerPid, startedAt: download.startedAt },
        'cleared a stale download: its process ended while it ran',
      );
      await this.observers.ended(download.id, download.state, download.snapshotId);
    }
    return cleared.length;
  }

  @Cron('0 17 4 * * *')
  async prune(): Promise<void> {
    await this.repository.prune(new Date(this.clock.now().getTime() - HISTORY_DAYS * 86_400_000));
  }
}

/** For certain: its heartbeat need not be waited for. */
function ownerIsGone({ ownerPid: pid, ownerPlace: place, ownerToken: token }: Download): boolean {
  return pid !== null && token !== null && fateOf({ pid, place, token }) === 'gone';
}
