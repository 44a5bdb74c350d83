import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import type { PublishStep, PublishSteps } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { RingSweeper } from '../../src/modules/deploy/ring.sweeper.js';
import { runFilePath, type RunFacts } from '../../src/server/run-file.js';
import { ApiCaller } from '../support/haishin.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

/** Ends the session that keeps others from publishing, as a cut line or a failover would. */
async function endLockHolder(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()`,
  );
  await client.end();
  expect(rowCount).toBeGreaterThan(0);
}

describe('a database that goes away and comes back', () => {
  let parent: string;
  let postgres: EmbeddedPostgres;
  let bench: MirrorBench;
  let cutAt: PublishStep | null;
  let loseLock = false;
  let stopped: Promise<void>;
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir: join(parent, 'postgres'), logger: silentLogger, settings: { fsync: 'off' } });

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'haishin-lost-'));
    await chmod(parent, 0o755);
    postgres = await start();
    const database = { url: postgres.url, drop: () => Promise.resolve() };
    cutAt = null;
    const publishSteps: PublishSteps = {
      reached: async (step) => {
        if (step === cutAt) await (stopped = postgres.stop());
        if (step === 'staged' && loseLock) await endLockHolder(postgres.url);
      },
    };
    bench = await MirrorBench.open({ database, publishSteps });
  });
  afterEach(async () => {
    await bench.close();
    await postgres.stop();
    await rm(parent, { recursive: true, force: true });
  });

  const onDatabase = async (sql: string, url = postgres.url): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('set default_transaction_read_only = off');
    await client.query(sql);
    await client.end();
  };

  interface Ready {
    checks: Record<string, { ok: boolean; detail: string | null }>;
  }
  const ready = async (): Promise<{ status: number; body: Ready }> => {
    const answer = await fetch(`${bench.haishin.http}/readyz`);
    return { status: answer.status, body: (await answer.json()) as Ready };
  };

  const READ_ONLY = 'alter role haishin set default_transaction_read_only = on';
  const WRITABLE = 'alter role haishin reset default_transaction_read_only';
  const END_SESSIONS = `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()
    and application_name like 'haishin%'`;
  const otherDatabase = (): string => postgres.url.replace('/haishin?', '/template1?');

  it('while serving: content goes on, the API says what is missing, and all is well again by itself', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await postgres.stop();
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.get('/api/v1/components')).toMatchObject({
      status: 503,
      body: { code: 'database-unavailable' },
    });
    await until('readiness notices', async () => (await ready()).status === 503);
    expect((await ready()).body.checks).toMatchObject({ database: { ok: false }, content: { ok: true } });
    expect((await fetch(`${bench.haishin.http}/healthz`)).status).toBe(200);

    postgres = await start();
    await until('readiness is back', async () => (await ready()).status === 200);
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('while serving, and may only be read: content goes on, and readiness and API say so', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    // When a token was used is noted once a minute; nobody who reads waits for that.
    await onDatabase(`update api_token set last_used_at = null; ${READ_ONLY}`);
    await onDatabase(END_SESSIONS);
    expect((await bench.api.post('/api/v1/downloads')).status).toBe(503);
    await until('readiness names it', async () => {
      const { status, body } = await ready();
      return status === 503 && body.checks['database']?.detail?.includes('may only be read') === true;
    });
    expect((await ready()).body.checks).toMatchObject({ database: { ok: false }, content: { ok: true } });
    expect((await bench.api.get('/api/v1/components')).status).toBe(200);
    expect(await bench.api.post('/api/v1/downloads')).toMatchObject({
      status: 503,
      body: { code: 'database-read-only' },
    });
    expect(await bench.served()).toEqual(before);
    await onDatabase(WRITABLE);
    await onDatabase(END_SESSIONS);
    await until('readiness is back', async () => (await ready()).status === 200);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('only the connection that holds the publishing lock is lost: nothing is put into force on its word', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    loseLock = true;
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'publishing-lock-lost' } });
    loseLock = false;
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('during a download: it ends as failed, nothing is half-published, and the next one brings all', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    bench.tree.publish();
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'drip', bytesPerSecond: 30_000 });
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await bench.upstream.whenRequested(/vsapi242\.zip$/);
    await postgres.stop();
    expect(await bench.served()).toEqual(before);
    // The last file arrives while there is no database.
    await until('the manifest is read again', () => bench.upstream.requested(/server\.ini$/).length >= 4);
    postgres = await start();
    await until('the API is back', async () => (await bench.api.get(`/api/v1/downloads/${id}`)).status === 200);
    expect(await bench.api.ended(id as string)).toMatchObject({
      state: 'failed',
      error: { code: 'database-unavailable' },
      snapshotId: null,
    });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  const steps: [PublishStep, 'failed' | 'succeeded'][] = [
    ['staged', 'failed'],
    ['recorded', 'succeeded'],
    ['flipped', 'succeeded'],
  ];

  it.each(steps)('while a snapshot is "%s": the download reads %s when it is back, as is true', async (step, state) => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    bench.tree.publish();
    cutAt = step;
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await until('the database is gone', async () => (await bench.api.get('/api/v1/components')).status === 503);
    cutAt = null;
    await stopped;
    postgres = await start();
    await until('the API is back', async () => (await bench.api.get(`/api/v1/downloads/${id}`)).status === 200);
    const download = await bench.api.ended(id as string);
    expect(download.state).toBe(state);
    if (state === 'failed') {
      expect(download).toMatchObject({ error: { code: 'database-unavailable' }, snapshotId: null, components: [] });
      expect(await bench.served()).toEqual(before);
    } else {
      await bench.expectCurrent();
      expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
      await until('it is listed', async () => {
        const [newest] = (await bench.api.get('/api/v1/snapshots')).body.items;
        return newest.id === download.snapshotId && (newest.inForce as string[]).length === 2;
      });
      const { items } = (await bench.api.get('/api/v1/events?component=virus-pattern')).body;
      expect((items as { outcome: string }[]).map((event) => event.outcome)).toEqual(['updated', 'updated']);
      expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'version' } });
    }
    const next = await bench.api.download();
    expect(next.state).toBe(state === 'failed' ? 'succeeded' : 'unchanged');
    await bench.expectCurrent();
  });

  it('at the start: what was published is served until it comes', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await postgres.stop();
    await bench.restart();
    expect(await bench.served()).toEqual(before);
    expect((await bench.api.get('/api/v1/components')).status).toBe(503);
    postgres = await start();
    await until('the API comes', async () => (await bench.api.get('/api/v1/components')).status === 200);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  const refusals: [string, string, () => Promise<void>, () => Promise<void>][] = [
    ['may only be read', 'database-read-only', () => onDatabase(READ_ONLY), () => onDatabase(WRITABLE)],
    [
      'lacks a right',
      'database-permission-denied',
      async () => {
        await onDatabase('create role plain login');
        bench.haishin.database.url = postgres.url.replace('//haishin@', '//plain@');
      },
      () => onDatabase('alter role plain superuser'),
    ],
    [
      'is not there',
      'database-refused',
      () => onDatabase(`${END_SESSIONS}; alter database haishin rename to away`, otherDatabase()),
      () => onDatabase('alter database away rename to haishin', otherDatabase()),
    ],
  ];
  it.each(refusals)('at the start, when it %s: what was published is served until it is mended', async (...refusal) => {
    const [, code, breakIt, mendIt] = refusal;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await bench.haishin.stop();
    await breakIt();
    await bench.restart();
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.get('/api/v1/components')).toMatchObject({ status: 503, body: { code } });
    expect((await ready()).body.checks).toMatchObject({ database: { ok: false }, content: { ok: true } });
    await mendIt();
    await until('the API comes', async () => (await bench.api.get('/api/v1/components')).status === 200);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('at the start, when it may only be read and nothing is published: the server ends, and says why', async () => {
    await bench.haishin.stop();
    await onDatabase(READ_ONLY);
    await expect(bench.restart()).rejects.toMatchObject({ code: 'database-read-only' });
  });

  it('at the start, when a newer version of the server made it: the server ends, whatever is published', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.haishin.stop();
    await onDatabase(`insert into schema_migration (name, sha256) values ('9999-of-tomorrow.sql', '')`);
    await expect(bench.restart()).rejects.toMatchObject({ code: 'database-too-new' });
  });

  it('at the start: commands on this host can talk to the server when it has come', async () => {
    await postgres.stop();
    await bench.restart();
    const told = async (): Promise<RunFacts> =>
      JSON.parse(await readFile(runFilePath(bench.haishin.dataDir), 'utf8')) as RunFacts;
    const { token, ...before } = await told();
    expect(token).toBeNull();
    postgres = await start();
    await until('they have a token', async () => (await told()).token !== null);
    const { token: later, ...after } = await told();
    expect(after).toEqual(before);
    expect((await new ApiCaller(bench.haishin.http, later ?? '').get('/api/v1/components')).status).toBe(200);
  });

  it.each(['57P01 going down', '28P01 a new password', '42501 not for this role'])(
    'at the start, and then fails half-way (%s): it is tried again until it comes, and nothing of the tries stays',
    async (fault) => {
      const [code = ''] = fault.split(' ');
      await onDatabase(
        `create function refuse() returns trigger language plpgsql as
           $$ begin raise exception 'not yet' using errcode = '${code}'; end $$;
         create trigger refuse before insert or update or delete on api_token execute function refuse()`,
      );
      await postgres.stop();
      const opened = jest.spyOn(RingSweeper.prototype, 'onApplicationBootstrap');
      const closed = jest.spyOn(RingSweeper.prototype, 'onApplicationShutdown');
      try {
        await bench.restart();
        closed.mockClear();
        postgres = await start();
        await until('it has been tried twice', () => opened.mock.calls.length >= 2);
        expect((await bench.api.get('/api/v1/components')).status).toBe(503);
        await onDatabase('drop trigger refuse on api_token');
        await until('the API comes', async () => (await bench.api.get('/api/v1/components')).status === 200);
        expect(opened.mock.calls.length - closed.mock.calls.length).toBe(1);
      } finally {
        jest.restoreAllMocks();
      }
    },
  );
});
