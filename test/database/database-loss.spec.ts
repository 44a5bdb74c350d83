import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '../../src/platform/clock/clock.js';
import { DatabaseAvailability } from '../../src/database/availability.js';
import { connectDataSource, createDataSource } from '../../src/database/data-source.js';
import { toDatabaseError } from '../../src/database/database.errors.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { NotificationBus } from '../../src/database/notify.js';
import { queryWithin } from '../../src/database/bounded-client.js';
import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { inTransaction } from '../../src/database/transaction.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';

describe('a database that goes away and comes back', () => {
  let parent: string;
  let server: EmbeddedPostgres;
  const start = () => startEmbeddedPostgres({ dataDir: join(parent, 'postgres'), logger: silentLogger });

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'haishin-loss-'));
    await chmod(parent, 0o755);
    server = await start();
  });

  afterEach(async () => {
    await server.stop();
    await rm(parent, { recursive: true, force: true });
  });

  it('is noticed, named, and used again by pool, probe and bus without a person', async () => {
    const clock = new ManualClock(new Date('2026-11-22T00:00:00Z'));
    const availability = new DatabaseAvailability({ url: server.url, logger: silentLogger, clock });
    const bus = new NotificationBus({ url: server.url, logger: silentLogger });
    const dataSource = createDataSource({
      url: server.url,
      poolSize: 3,
      entities: [],
      logger: silentLogger,
      onPoolError: () => availability.suspect(),
    });
    const changes: boolean[] = [];
    let reconnected = 0;
    availability.onChange(({ up }) => changes.push(up));
    try {
      await connectDataSource(dataSource);
      await Promise.all([availability.start(), bus.start()]);
      await bus.subscribe('work', { onMessage: () => undefined, onReconnected: () => void (reconnected += 1) });
      expect(availability.state).toEqual({ up: true, since: new Date('2026-11-22T00:00:00Z') });

      clock.advance(60_000);
      // The transaction under way loses its connection while it is checked out of the pool.
      const cutOff = inTransaction(dataSource, async (manager) => {
        await manager.query('SELECT 1');
        await server.stop();
        await manager.query('SELECT 1');
      });
      expect(toDatabaseError(await cutOff.catch((error: unknown) => error))).toMatchObject({
        code: 'database-unavailable',
      });
      const refused: unknown = await dataSource.query('SELECT 1').catch((error: unknown) => error);
      expect(toDatabaseError(refused)).toMatchObject({ kind: 'unavailable', code: 'database-unavailable' });
      await until('the probe notices', () => !availability.up);
      expect(availability.state).toMatchObject({
        since: new Date('2026-11-22T00:01:00Z'),
        lastError: { code: 'database-unavailable' },
      });

      server = await start();
      expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await availability.probe();
      await until('the bus is back', () => reconnected === 1);
      expect(availability.up).toBe(true);
      expect(changes).toEqual([true, false, true]);
    } finally {
      await Promise.all([availability.stop(), bus.stop(), dataSource.destroy()]);
    }
  });

  it('counts as down when it hangs', async () => {
    const { url } = server;
    const availability = new DatabaseAvailability({ url, logger: silentLogger, timeoutMilliseconds: 200 });
    await availability.start();
    expect(availability.up).toBe(true);
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'haishin-probe'`,
    );
    await client.end();
    const frozen = [rows[0]?.pid ?? 0, (await findPostmaster(join(parent, 'postgres', 'cluster')))?.process.pid ?? 0];
    try {
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      await availability.probe();
      expect(availability.up).toBe(false);
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
    await availability.probe();
    expect(availability.up).toBe(true);
    await availability.stop();
  });

  it('counts as down while it answers and cannot be worked with, and each reason is told', async () => {
    const { default: pg } = await import('pg');
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(
      `create role plain login; create table written (id int); grant select, insert, update, delete on written to plain`,
    );
    const url = server.url.replace(/\/\/\w+@/, '//plain@');
    const availability = new DatabaseAvailability({ url, logger: silentLogger, tables: ['written'] });
    const told: (string | undefined)[] = [];
    availability.onChange(({ up, lastError }) => told.push(up ? 'up' : lastError?.code));
    const become = async (sql: string): Promise<void> => {
      await admin.query(sql);
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'plain'`);
      await availability.probe();
      // That its session was ended may show only when it is used.
      if (told.at(-1) !== 'database-unavailable') return;
      told.pop();
      await availability.probe();
    };
    try {
      await availability.start();
      await become('alter role plain set default_transaction_read_only = on');
      await become('alter role plain reset default_transaction_read_only; revoke update on written from plain');
      await become('grant update on written to plain');
      // A full disk shows where something is written: here it is full for new tables, and statements have met it.
      await admin.query(
        `create function full_disk() returns event_trigger language plpgsql as
           $$ begin raise exception 'no room' using errcode = '53100'; end $$;
         create event trigger full_disk on ddl_command_start when tag in ('CREATE TABLE AS') execute function full_disk()`,
      );
      await availability.probe();
      availability.suspect(Object.assign(new Error('no room'), { code: '53100' }));
      await until('it is noticed', () => !availability.up);
      await availability.probe();
      expect(availability.up).toBe(false);
      await admin.query('drop event trigger full_disk');
      await availability.probe();
      expect(told).toEqual(['up', 'database-read-only', 'database-permission-denied', 'up', 'disk-full', 'up']);
    } finally {
      await Promise.all([availability.stop(), admin.end()]);
    }
  });

  /** The server and every process of it. Returns the function that lets them go on. */
  async function freeze(): Promise<() => void> {
    const pid = (await findPostmaster(join(parent, 'postgres', 'cluster')))?.process.pid ?? 0;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    const all = [pid, ...children.trim().split(' ').map(Number)];
    for (const each of all) process.kill(each, 'SIGSTOP');
    return () => all.forEach((each) => process.kill(each, 'SIGCONT'));
  }

  it('fails what waits for it when it freezes, and is used again when it goes on', async () => {
    const dataSource = createDataSource({
      url: server.url,
      poolSize: 2,
      entities: [],
      logger: silentLogger,
      statementTimeoutMilliseconds: 300,
      graceMilliseconds: 700,
    });
    await connectDataSource(dataSource);
    const failed = (work: Promise<unknown>) => expect(work.catch((fault: unknown) => toDatabaseError(fault)));
    let thaw: (() => void) | undefined;
    try {
      let frozenAt = 0;
      const transaction = inTransaction(dataSource, async (manager) => {
        await manager.query('SELECT 1');
        thaw = await freeze();
        frozenAt = performance.now();
        await manager.query('SELECT 1');
      });
      await failed(transaction).resolves.toMatchObject({ kind: 'unavailable', code: 'database-unavailable' });
      // The ROLLBACK does not wait for the same silence once more.
      expect(performance.now() - frozenAt).toBeLessThan(1_900);
      await failed(dataSource.query('SELECT 1')).resolves.toMatchObject({ code: 'database-unavailable' });
      thaw?.();
      thaw = undefined;
      // On whatever connection: none has the late answer of another statement.
      for (const number of [1, 2, 3])
        expect(await dataSource.query('SELECT $1::int AS number', [number])).toEqual([{ number }]);
    } finally {
      thaw?.();
      await dataSource.destroy();
    }
  });

  it('has its own word on slow statements, and may take longer where that is meant', async () => {
    const dataSource = createDataSource({
      url: server.url,
      poolSize: 1,
      entities: [],
      logger: silentLogger,
      statementTimeoutMilliseconds: 300,
      graceMilliseconds: 300,
    });
    await connectDataSource(dataSource);
    const runner = dataSource.createQueryRunner();
    try {
      await expect(runner.query('SELECT pg_sleep(2)')).rejects.toMatchObject({ code: '57014' });
      await runner.query('SET statement_timeout = 0');
      await queryWithin(runner, 10_000, 'SELECT pg_sleep(1)');
      await expect(queryWithin(runner, 200, 'SELECT pg_sleep(2)')).rejects.toThrow('Query read timeout');
      await expect(runner.query('SELECT 1')).rejects.toThrow('not queryable');
      await runner.release();
      expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await dataSource.destroy();
    }
  });

  it('is reported at the start as what it is', async () => {
    const wrong = server.url.replace('/haishin?', '/absent?');
    const make = (url: string) => createDataSource({ url, poolSize: 1, entities: [], logger: silentLogger });
    await expect(connectDataSource(make(wrong))).rejects.toMatchObject({ code: 'database-refused' });
    await server.stop();
    await expect(connectDataSource(make(server.url))).rejects.toMatchObject({ code: 'database-unavailable' });
  });
});
