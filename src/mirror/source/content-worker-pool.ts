import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { Channel } from '../snapshot/channel.js';
import { closeUnconfirmed } from './unconfirmed-connections.js';
import type { FromWorker, ToWorker, WorkerReport, WorkerSettings } from './worker-messages.js';

export interface ContentWorkersOptions {
  /** How many processes. */
  readonly count: number;
  readonly settings: WorkerSettings;
  readonly defaultChannel: Channel;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Takes what the workers counted, every two seconds and at their end. */
  readonly onReport: (report: WorkerReport) => void;
  /** Compiled entry of a worker; another one only in tests. */
  readonly entry?: string;
}

export interface ContentWorkers {
  readonly httpUrl: string | null;
  readonly httpsUrl: string | null;
  /** Process ids of the workers that are alive. */
  pids(): number[];
  /** Resolves when every live worker serves what is published now; one that does not answer is not waited for long. */
  refresh(): Promise<void>;
  setDefaultChannel(channel: Channel): void;
  stop(graceMs: number): Promise<void>;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
/** A worker that lived this long did not die of its start. */
const STABLE_MS = 30_000;
const REFRESH_LIMIT_MS = 5_000;
/** A worker that does not serve by then is given up, and replaced like one that died. */
const START_LIMIT_MS = 20_000;
const EXIT_LIMIT_MS = 2_000;

/**
 * Starts content workers on shared listeners and keeps them alive.
 *
 * @throws AppError with the code that the first worker failed with, such as `port-in-use`; no worker is left then.
 */
export async function forkContentWorkers(options: ContentWorkersOptions): Promise<ContentWorkers> {
  const pool = new WorkerPool(options);
  await pool.start();
  return pool;
}

interface Urls {
  httpUrl: string | null;
  httpsUrl: string | null;
}

class WorkerPool implements ContentWorkers {
  private readonly workers = new Set<Worker>();
  private readonly waiting = new Map<number, () => void>();
  private urls: Urls = { httpUrl: null, httpsUrl: null };
  private settings: WorkerSettings;
  private defaultChannel: Channel;
  private stopping = false;
  private delayMs = FIRST_DELAY_MS;
  private nextId = 1;
  private readonly respawns = new Set<NodeJS.Timeout>();

  constructor(private readonly options: ContentWorkersOptions) {
    this.settings = options.settings;
    this.defaultChannel = options.defaultChannel;
  }

  get httpUrl(): string | null {
    return this.urls.httpUrl;
  }

  get httpsUrl(): string | null {
    return this.urls.httpsUrl;
  }

  async start(): Promise<void> {
    const entry = this.options.entry ?? fileURLToPath(new URL('./content-worker-main.js', import.meta.url));
    cluster.setupPrimary({ exec: entry, args: [] });
    try {
      // The first one alone: it finds out whether the ports can be had, and which they are.
      this.urls = await this.fork();
      await Promise.all(Array.from({ length: this.options.count - 1 }, () => this.fork()));
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  pids(): number[] {
    return [...this.workers].map((worker) => worker.process.pid).filter((pid) => pid !== undefined);
  }

  async refresh(): Promise<void> {
    await Promise.all([...this.workers].map((worker) => this.refreshWorker(worker)));
  }

  setDefaultChannel(channel: Channel): void {
    this.defaultChannel = channel;
    for (const worker of this.workers) tell(worker, { type: 'default-channel', channel });
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    for (const timer of this.respawns) clearTimeout(timer);
    await Promise.all([...this.workers].map((worker) => stopWorker(worker, graceMs)));
  }

  private async fork(): Promise<Urls> {
    const worker = this.spawn();
    const bornAt = performance.now();
    this.workers.add(worker);
    closeUnconfirmed(worker);
    const started = new Promise<Urls>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready')
          tell(worker, { type: 'start', settings: this.settings, defaultChannel: this.defaultChannel });
        else if (message.type === 'listening') resolve(message);
        else if (message.type === 'failed') {
          reject(new AppError(message.kind, message.said, { details: message.details }));
          worker.process.kill('SIGKILL');
        } else if (message.type === 'refreshed') this.waiting.get(message.id)?.();
        else this.options.onReport(message.report);
      });
      const ended = (facts: Record<string, unknown>): void => {
        this.workers.delete(worker);
        const ended = String(facts['signal'] ?? facts['code']);
        reject(new AppError('internal', 'content-worker-died', { values: { ended } }));
        if (performance.now() - bornAt > STABLE_MS) this.delayMs = FIRST_DELAY_MS;
        if (this.stopping) return;
        const { pid } = worker.process;
        this.options.logger.warn(
          { worker: pid, ...facts, delayMs: this.delayMs },
          'a content worker ended; another is started',
        );
        this.respawnLater();
      };
      worker.on('exit', (code, signal) => ended({ code, signal }));
      worker.on('error', (err: NodeJS.ErrnoException) => {
        // Of a process that could not even be made (no memory, too many processes) nothing exits.
        if (worker.process.pid === undefined) ended({ err, code: err.code });
        else this.options.logger.warn({ err, worker: worker.process.pid }, 'a content worker cannot be reached');
      });
    });
    const limit = setTimeout(() => worker.process.kill('SIGKILL'), START_LIMIT_MS);
    return await started.finally(() => clearTimeout(limit));
  }

  /** Some faults of the system are thrown, others come as an event. */
  private spawn(): Worker {
    try {
      return cluster.fork();
    } catch (err) {
      if (!this.stopping) this.respawnLater();
      throw err;
    }
  }

  private respawnLater(): void {
    // With the last worker the shared listeners are gone; "any free port" would now be another one.
    if (this.workers.size === 0) this.settings = withPortsOf(this.settings, this.urls);
    const timer = setTimeout(() => {
      this.respawns.delete(timer);
      this.fork().then(
        () => this.options.logger.info('a content worker serves again'),
        (error: unknown) => this.options.logger.error({ err: error }, 'a content worker cannot be started'),
      );
    }, this.delayMs);
    this.respawns.add(timer);
    this.delayMs = Math.min(this.delayMs * 2, LONGEST_DELAY_MS);
  }

  private refreshWorker(worker: Worker): Promise<void> {
    const id = this.nextId++;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(limit);
        this.waiting.delete(id);
        worker.off('exit', done);
        resolve();
      };
      const limit = setTimeout(done, REFRESH_LIMIT_MS);
      this.waiting.set(id, done);
      worker.on('exit', done);
      tell(worker, { type: 'refresh', id });
    });
  }
}

function tell(worker: Worker, message: ToWorker): void {
  // A worker that is going down cannot take messages; its exit is dealt with where it is noticed.
  if (worker.isConnected()) worker.send(message, () => undefined);
}

function stopWorker(worker: Worker, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const kill = setTimeout(() => worker.process.kill('SIGKILL'), graceMs + EXIT_LIMIT_MS);
    worker.on('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    tell(worker, { type: 'stop', graceMs });
  });
}

function withPortsOf(settings: WorkerSettings, urls: Urls): WorkerSettings {
  const port = (configured: number | 'off', url: string | null): number | 'off' =>
    configured === 'off' || url === null ? configured : Number(new URL(url).port || configured);
  return {
    ...settings,
    httpPort: port(settings.httpPort, urls.httpUrl),
    httpsPort: port(settings.httpsPort, urls.httpsUrl),
  };
}
