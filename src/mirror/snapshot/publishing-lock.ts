import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { queryWithin } from '../../database/bounded-client.js';
import { inTransaction } from '../../database/transaction.js';
import { AppError } from '../../platform/errors/app-error.js';

const LOCK_KEY = 7_224_801_519;
/** Held from the look at that lock to the end of the transaction that records. */
const RECORD_KEY = 7_224_801_520;
const LOCK_WAIT_MS = 60_000;
/** Whoever waits in a statement of the database cannot be called off, so it is asked again and again. */
const LOCK_RETRY_MS = 100;
const ANSWER_MS = 5_000;
/** A node that loses its power says no goodbye: the database has to find out within a minute, not within two hours. */
const SESSION = `set statement_timeout = 0;
  set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4`;

/**
 * Whoever writes below `published/` does so alone among all nodes: a session lock of the database, on a connection of its own. Callers
 * of one process wait for each other here, without a connection: together they would use up all that there are.
 */
export class PublishingLock {
  private readonly turns = pLimit(1);
  /** Process of PostgreSQL that holds the lock for us. */
  private backend: number | null = null;
  private readonly stopping = new AbortController();

  constructor(private readonly dataSource: DataSource) {}

  /**
   * @param caller calls off the wait, not the work
   * @throws AppError `publishing-busy` when somebody else holds the lock for a minute; `cancelled`; `server-stopping`.
   */
  async hold<T>(work: () => Promise<T>, caller?: AbortSignal): Promise<T> {
    const signal = AbortSignal.any([this.stopping.signal, ...(caller === undefined ? [] : [caller])]);
    const over = Promise.withResolvers<undefined>();
    try {
      await this.turn(over.promise, signal);
      return await this.locked(work, signal);
    } finally {
      over.resolve(undefined);
    }
  }

  /** A server that is to stop does not wait for another node: ends all waits, and lets nobody wait any more. */
  stop(): void {
    this.stopping.abort();
  }

  /**
   * For the transaction that records: the lock may have gone with its connection, and then another node may have cleared away what
   * was staged. One that gets the lock behind this waits for the end of the transaction, see `recordsEnded`.
   * @throws AppError `publishing-lock-lost`.
   */
  async requireHeld(manager: EntityManager): Promise<void> {
    await manager.query('select pg_advisory_xact_lock($1)', [RECORD_KEY]);
    const [held] = await manager.query<unknown[]>(
      `select 1 from pg_locks where locktype = 'advisory' and granted and pid = $1
         and ((classid::bigint << 32) | objid::bigint) = $2`,
      [this.backend, LOCK_KEY],
    );
    if (held === undefined) throw new AppError('unavailable', 'publishing-lock-lost');
  }

  /** Waits until nobody who has had the lock before is still recording: what they have staged is theirs until then. */
  async recordsEnded(): Promise<void> {
    await inTransaction(this.dataSource, (manager) => manager.query('select pg_advisory_xact_lock($1)', [RECORD_KEY]));
  }

  private async turn(over: Promise<undefined>, signal: AbortSignal): Promise<void> {
    const mine = Promise.withResolvers<undefined>();
    void this.turns(() => {
      mine.resolve(undefined);
      return over;
    });
    const timer = setTimeout(() => mine.reject(busy()), LOCK_WAIT_MS);
    const callOff = (): void => mine.reject(this.calledOff());
    signal.addEventListener('abort', callOff);
    if (signal.aborted) callOff();
    await mine.promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', callOff);
    });
  }

  private async locked<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    await runner.connect();
    try {
      await runner.query(SESSION);
      await this.wait(runner, signal);
      const [session] = (await runner.query('select pg_backend_pid() as pid')) as { pid: number }[];
      this.backend = session?.pid ?? null;
      return await work();
    } finally {
      this.backend = null;
      // Without an answer the connection is ended, and the lock with it.
      const unlock = 'select pg_advisory_unlock($1)';
      await queryWithin(runner, ANSWER_MS, unlock, [LOCK_KEY]).catch(() => undefined);
      await runner.query('reset statement_timeout').catch(() => undefined);
      await runner.release();
    }
  }

  private async wait(runner: QueryRunner, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + LOCK_WAIT_MS;
    for (;;) {
      const [answer] = (await runner.query('select pg_try_advisory_lock($1) as held', [LOCK_KEY])) as {
        held: boolean;
      }[];
      if (answer?.held) return;
      if (signal.aborted) throw this.calledOff();
      if (performance.now() > deadline) throw busy();
      await delay(LOCK_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private calledOff(): AppError {
    return this.stopping.signal.aborted
      ? new AppError('unavailable', 'server-stopping')
      : new AppError('conflict', 'cancelled');
  }
}

function busy(): AppError {
  return new AppError('unavailable', 'publishing-busy');
}
