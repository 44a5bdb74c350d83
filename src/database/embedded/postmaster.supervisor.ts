import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../../platform/errors/app-error.js';
import type { DatabaseLogger } from '../database.logger.js';
import {
  cutOffPostmaster,
  type PostmasterPlan,
  removeMisleadingLocks,
  startPostmaster,
  stopPostmaster,
  waitUntilReady,
} from './postmaster.js';
import { findPostmaster } from './postmaster-file.js';
import { isRunning, type ProcessIdentity } from './process-identity.js';

const WATCH_MILLISECONDS = 250;
const FIRST_BACKOFF_MILLISECONDS = 100;
const MAX_BACKOFF_MILLISECONDS = 10_000;
/** Sessions of a killed postmaster notice it when they next wait for something. */
const SESSIONS_END_MILLISECONDS = 10_000;
/** A server that has run this long is healthy again, and its next crash is a first one. */
const HEALTHY_MILLISECONDS = 60_000;

/** Keeps one postmaster running on a cluster, until told to stop. The caller holds the lock of the directory. */
export class PostmasterSupervisor {
  private postmaster: ProcessIdentity | undefined;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopping = false;
  private failures = 0;
  private startedAt = 0;
  /** The last look could not tell whether the postmaster runs. */
  private blind = false;

  /** The last thing a process can do that ends without stop(): nothing asynchronous runs any more. */
  private readonly onExit = (): void => {
    if (this.postmaster === undefined) return;
    try {
      process.kill(this.postmaster.pid, 'SIGINT');
    } catch {
      // Already gone.
    }
  };

  constructor(
    private readonly plan: PostmasterPlan,
    private readonly logger: DatabaseLogger,
    private readonly onProcess?: () => void,
  ) {}

  async start(): Promise<void> {
    this.postmaster = (await this.takeOver()) ?? (await this.launch());
    this.startedAt = performance.now();
    process.once('exit', this.onExit);
    this.watch(WATCH_MILLISECONDS);
  }

  stop(): Promise<void> {
    return this.end(stopPostmaster);
  }

  /** The cluster is somebody else's now. */
  cutOff(): Promise<void> {
    return this.end(cutOffPostmaster);
  }

  private async end(how: typeof stopPostmaster): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    await this.running;
    if (this.postmaster !== undefined) await how(this.postmaster);
    this.postmaster = undefined;
    process.off('exit', this.onExit);
  }

  /** Adopts a postmaster that a killed owner left behind, when it runs as we would start it; otherwise stops it. */
  private async takeOver(): Promise<ProcessIdentity | undefined> {
    const { clusterDir, socketDir, binaries, args } = this.plan;
    const orphan = await findPostmaster(clusterDir);
    if (orphan === undefined) return undefined;
    const asPlanned = JSON.stringify(orphan.commandLine) === JSON.stringify([binaries.postgres, ...args]);
    if (asPlanned && (await waitUntilReady(socketDir, 10_000)) === 'ready' && (await isRunning(orphan.process))) {
      this.logger.info(
        { databasePid: orphan.process.pid },
        'the database of a server that was killed still runs, and was taken over',
      );
      return orphan.process;
    }
    this.logger.info({ databasePid: orphan.process.pid }, 'a database left by a server that was killed is stopped');
    await stopPostmaster(orphan.process);
    return undefined;
  }

  /** No live postmaster was found on this cluster, and nobody else may start one while we hold the lock. */
  private async launch(): Promise<ProcessIdentity> {
    const deadline = performance.now() + SESSIONS_END_MILLISECONDS;
    for (;;) {
      await removeMisleadingLocks(this.plan);
      try {
        return await startPostmaster(this.plan, this.onProcess);
      } catch (error) {
        if (!isHeldBySessions(error) || performance.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  private watch(milliseconds: number): void {
    this.timer = setTimeout(() => {
      this.running = this.check();
    }, milliseconds).unref();
  }

  private async check(): Promise<void> {
    let next = WATCH_MILLISECONDS;
    try {
      if (this.postmaster === undefined || !(await isRunning(this.postmaster))) next = await this.restart();
      this.blind = false;
    } catch (error) {
      if (!this.blind)
        this.logger.warn(
          { err: error, databasePid: this.postmaster?.pid },
          'whether the embedded database runs cannot be told at present; it is taken to, and looked at again',
        );
      this.blind = true;
    } finally {
      if (!this.stopping) this.watch(next);
    }
  }

  /** Returns after how many milliseconds to look again. */
  private async restart(): Promise<number> {
    if (this.postmaster !== undefined) {
      this.logger.error(
        { databasePid: this.postmaster.pid, logFile: this.plan.logFile },
        'the embedded database ended by itself',
      );
      this.postmaster = undefined;
      if (performance.now() - this.startedAt > HEALTHY_MILLISECONDS) this.failures = 0;
    }
    if (this.stopping) return 0;
    try {
      // A start that did not end well may have left one all the same.
      this.postmaster = (await this.takeOver()) ?? (await this.launch());
      this.startedAt = performance.now();
      this.logger.info({ databasePid: this.postmaster.pid }, 'the embedded database runs again');
      return WATCH_MILLISECONDS;
    } catch (error) {
      this.failures += 1;
      const backoff = Math.min(FIRST_BACKOFF_MILLISECONDS * 2 ** this.failures, MAX_BACKOFF_MILLISECONDS);
      const code = error instanceof AppError ? error.code : undefined;
      this.logger.error(
        { err: error, code, backoff },
        'the embedded database does not start again; another try follows',
      );
      return backoff;
    }
  }
}

function isHeldBySessions(error: unknown): boolean {
  return error instanceof AppError && /shared memory block .* still in use/.test(String(error.details.output));
}
