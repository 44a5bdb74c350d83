import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { toDatabaseError } from '../../database/database.errors.js';
import { nothingAlongside, type Alongside } from '../../database/transaction.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import type { MirrorOutcome } from '../../mirror/snapshot/mirror-order.js';
import { MirrorService } from '../../mirror/snapshot/mirror.service.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError, faultOf, toAppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { thisProcess } from '../../platform/process/process-mark.js';
import { AvailabilityService } from './availability.service.js';
import {
  channelFaultEvent,
  endOf,
  endOfPublished,
  eventsOf,
  failureEvent,
  passedOverEvent,
  stoppedEvent,
  type DownloadEnd,
} from './download-outcome.js';
import { DownloadObservers } from './download.observers.js';
import { DownloadRepository, type DownloadProgress } from './download.repository.js';
import type { Download } from './download.entity.js';
import { LicenceSettings } from './licence.settings.js';
import { SelectableComponents } from './selectable.service.js';
import { UpdateEventRepository } from './update-event.repository.js';

const HEARTBEAT_MS = 1_000;
/** While the database is away, the end of a download is kept in memory for so long. */
const END_RETRY_MS = 1_000;
const END_TRIES = 600;

type Wish = Pick<Download, 'trigger' | 'components' | 'startedBy' | 'tick'>;

interface Running {
  id: string;
  abort: AbortController;
  progress: DownloadProgress;
  done: Promise<void>;
}

/** Runs downloads: takes the lock, reports progress, obeys a cancellation, records how it ended. */
@Injectable()
export class DownloadService implements OnApplicationShutdown {
  private running: Running | null = null;
  /** Settles when nothing is between the wish for a download and its run. */
  private beginning: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  constructor(
    private readonly mirror: MirrorService,
    private readonly selectable: SelectableComponents,
    private readonly downloads: DownloadRepository,
    private readonly availability: AvailabilityService,
    private readonly events: UpdateEventRepository,
    private readonly licences: LicenceSettings,
    private readonly observers: DownloadObservers,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Starts a download that a person wants.
   * @param alongside told its id
   * @throws AppError `download-running` (409) with the running one's id; `server-stopping`; what SelectableComponents throws.
   */
  async startManual(components: string[] | null, actor: string, alongside: Alongside<string>): Promise<string> {
    if (components !== null) await this.selectable.require(components);
    for (;;) {
      const id = await this.begin({ trigger: 'manual', components, startedBy: actor, tick: null }, alongside);
      if (id !== null) return id;
      const open = await this.downloads.open();
      // Null: it ended between the two statements.
      if (open !== null)
        throw new AppError('conflict', 'download-running', {
          details: {
            id: open.id,
            owner: { node: open.ownerNode, pid: open.ownerPid, startedAt: open.startedAt },
          },
        });
    }
  }

  /** Starts the download of a tick, unless one is open, another node has taken the tick, or we are to stop. */
  async startScheduled(tick: Date): Promise<string | null> {
    if (this.stop.signal.aborted) return null;
    return this.begin({ trigger: 'schedule', components: null, startedBy: 'schedule', tick });
  }

  /** @throws AppError `download-unknown`, `download-ended`. */
  async cancel(id: string, actor: string, alongside: Alongside<string>): Promise<void> {
    if (!(await this.downloads.requestCancel(id, actor, this.clock.now(), alongside))) {
      const download = await this.downloads.find(id);
      if (download === null) throw new AppError('not-found', 'download-unknown', { values: { id } });
      throw new AppError('conflict', 'download-ended', {
        details: { state: download.state },
      });
    }
    if (this.running?.id === id) this.running.abort.abort();
  }

  /** The download that this process runs: what its memory knows is fresher than the row. Ask before reading the row. */
  live(): { id: string; progress: DownloadProgress } | null {
    return this.running;
  }

  /** Resolves when the download that this process runs has ended; for tests and a graceful stop. */
  async idle(): Promise<void> {
    await this.running?.done;
  }

  /** A stop asks the download to end; what was fetched stays and the next one goes on from there. */
  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    this.running?.abort.abort();
    await this.beginning;
    await this.idle();
  }

  private begin(wish: Wish, alongside: Alongside<string> = nothingAlongside): Promise<string | null> {
    if (this.stop.signal.aborted) throw new AppError('unavailable', 'server-stopping');
    const begun = this.take(wish, alongside);
    this.beginning = Promise.allSettled([this.beginning, begun]).then(() => undefined);
    return begun;
  }

  private async take(wish: Wish, alongside: Alongside<string>): Promise<string | null> {
    const id = randomUUID();
    const now = this.clock.now();
    const taken = await this.downloads.begin({ id, ...wish, node: hostname(), owner: thisProcess, now }, alongside);
    if (!taken) return null;
    const progress: DownloadProgress = {
      phase: null,
      source: null,
      filesDone: 0,
      filesTotal: 0,
      bytesDone: 0,
      bytesTotal: 0,
    };
    const running: Running = { id, abort: new AbortController(), progress, done: Promise.resolve() };
    // The stop came while the lock was taken: it is given back in the usual way.
    if (this.stop.signal.aborted) running.abort.abort();
    running.done = this.run(running, wish).finally(() => {
      if (this.running === running) this.running = null;
    });
    this.running = running;
    await this.observers.started(id, wish);
    return id;
  }

  private async run(running: Running, wish: Pick<Download, 'trigger' | 'components' | 'startedBy'>): Promise<void> {
    const { id, progress, abort } = running;
    const beat = setInterval(() => void this.beat(running), HEARTBEAT_MS);
    try {
      const licences = await this.licences.read();
      const now = this.clock.now();
      const scheduled = wish.trigger === 'schedule';
      const outcome = await this.mirror.mirror({
        requested: wish.components,
        takesPart: (component: Component) => (component.scheduled || !scheduled) && licences.covers(component, now),
        thorough: await this.availability.uncertain(),
        downloadId: id,
        actor: wish.startedBy,
        signal: abort.signal,
        respectCoolDown: scheduled,
        published: async (manager, published) => {
          await this.record(running, wish, published, manager);
          await this.downloads.published(manager, id, endOf(published));
        },
        progress: {
          source: (url) => (progress.source = url),
          phase: (phase) => (progress.phase = phase),
          publishing: () => (progress.phase = 'publish'),
          planned: (files, bytes) =>
            Object.assign(progress, { filesDone: 0, filesTotal: files, bytesDone: 0, bytesTotal: bytes }),
          fileDone: () => (progress.filesDone += 1),
          bytes: (count) => (progress.bytesDone += count),
        },
      });
      await this.succeed(running, wish, outcome);
    } catch (thrown) {
      await this.fail(running, wish, toAppError(toDatabaseError(thrown)));
    } finally {
      clearInterval(beat);
    }
  }

  private async beat(running: Running): Promise<void> {
    try {
      const answer = await this.downloads.heartbeat(running.id, running.progress);
      if (answer !== 'go-on') running.abort.abort();
      this.observers.progressed(running.id, running.progress);
    } catch (fault) {
      this.logger.warn({ err: fault, download: running.id }, 'the download could not report its progress; it goes on');
    }
  }

  private async succeed(
    running: Running,
    wish: Pick<Download, 'trigger' | 'startedBy'>,
    outcome: MirrorOutcome,
  ): Promise<void> {
    // With a snapshot it was written together with that.
    if (outcome.snapshotId === null) await this.record(running, wish, outcome);
    await this.end(running, endOf(outcome));
  }

  private async record(
    { id }: Running,
    wish: Pick<Download, 'trigger' | 'startedBy'>,
    found: Pick<MirrorOutcome, 'outcomes' | 'offers' | 'channelFaults' | 'passedOver'>,
    manager?: EntityManager,
  ): Promise<void> {
    const { outcomes, offers, channelFaults, passedOver } = found;
    await this.availability.learnt({ offers, channelFaults }, manager);
    const sources = passedOver.map((each) => passedOverEvent(id, wish, each));
    const unread = channelFaults.map((each) => channelFaultEvent(id, wish, each));
    const events = [...sources, ...eventsOf(id, wish, outcomes), ...unread];
    await this.events.add(events, this.clock.now(), manager);
  }

  private async fail(running: Running, wish: Pick<Download, 'trigger' | 'startedBy'>, error: AppError): Promise<void> {
    const log = { download: running.id, code: error.code, details: error.details };
    const download = await this.patiently(running, () => this.downloads.find(running.id));
    // Without its trees the record of a snapshot is taken back.
    const published = download && error.code !== 'snapshot-missing' ? endOfPublished(download) : null;
    if (published !== null) {
      this.logger.error({ ...log, err: error }, 'the snapshot is recorded, but something that comes after that failed');
      await this.mirror.finishPublication(this.stop.signal).catch((err: unknown) => {
        this.logger.error({ ...log, err }, 'it comes into force with the next download, or the next start');
      });
      await this.end(running, published);
      return;
    }
    if (download && download.finishedAt !== null) {
      this.logger.warn(log, `${error.message} The record of the download was closed already: it was taken for dead.`);
      return;
    }
    if (error.kind === 'storage' || error.kind === 'internal') this.logger.error({ ...log, err: error }, error.message);
    else this.logger.warn(log, error.message);
    const cancelled = error.code === 'cancelled' || error.code === 'server-stopping';
    try {
      await this.availability.failed(error);
      if (cancelled)
        await this.events.add([stoppedEvent(running.id, wish, download?.cancelRequestedBy ?? null)], this.clock.now());
      else await this.events.add([failureEvent(running.id, wish, error)], this.clock.now());
    } catch (fault) {
      this.logger.warn({ err: fault, download: running.id }, 'the failure could not be recorded for every component');
    }
    await this.end(running, {
      state: cancelled ? 'cancelled' : 'failed',
      outcomes: [],
      snapshotId: null,
      error: { ...faultOf(error), details: error.details },
    });
  }

  private async end(running: Running, end: DownloadEnd): Promise<void> {
    const now = this.clock.now();
    const finished = await this.patiently(running, () =>
      this.downloads.finish(running.id, { ...end, progress: running.progress, now }),
    );
    if (finished === true) await this.observers.ended(running.id, end.state, end.snapshotId);
  }

  /** Does it again until the database is there; undefined when it did not come back in time, or we are to stop. */
  private async patiently<T>(running: Running, work: () => Promise<T>): Promise<T | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (fault) {
        const log = { err: fault, download: running.id };
        if (tries === 1) this.logger.warn(log, 'the end of the download cannot be recorded yet; it is tried again');
        // The row stays open with an old heartbeat; the sweeper of any node will close it.
        if (this.stop.signal.aborted || tries >= END_TRIES) {
          this.logger.error(log, 'the end of the download could not be recorded');
          return undefined;
        }
        await delay(END_RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
