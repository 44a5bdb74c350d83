import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { DownloadObservers } from '../../src/modules/download/download.observers.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { DownloadService } from '../../src/modules/download/download.service.js';
import type { PublishStep, PublishSteps } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { until } from '../support/until.js';
import { uploadTo } from '../support/upload.js';
import { IMPATIENT, MirrorBench, servedTree } from './mirror-bench.js';

/** Holds a publication at a step until told to go on. */
class Barrier implements PublishSteps {
  private arrived = (): void => undefined;
  private goOn = (): void => undefined;
  readonly atStep = new Promise<void>((resolve) => (this.arrived = resolve));
  private readonly released = new Promise<void>((resolve) => (this.goOn = resolve));

  constructor(private readonly step: PublishStep) {}

  async reached(step: PublishStep): Promise<void> {
    if (step !== this.step) return;
    this.arrived();
    await this.released;
  }

  release(): void {
    this.goOn();
  }
}

describe('two servers on one database and one data directory', () => {
  let bench: MirrorBench;
  let second: TestHaishin;

  async function open(options: { first?: PublishSteps } = {}): Promise<void> {
    bench = await MirrorBench.open(options.first ? { publishSteps: options.first } : {});
    const { dataDir, database } = bench.haishin;
    second = await startHaishin({ dataDir, database, upstreamUrl: bench.upstream.url, limits: IMPATIENT });
  }

  afterEach(async () => {
    await second.stop();
    await bench.close();
  });

  const schedulerOf = (haishin: TestHaishin): DownloadScheduler => {
    const app = haishin.server.application();
    if (app === null) throw new Error('the application is not there');
    return app.get(DownloadScheduler);
  };

  /** As after a while in which the database could not be reached. */
  const silence = async (): Promise<void> => {
    const database = new pg.Client({ connectionString: bench.haishin.database.url });
    await database.connect();
    await database.query(`update download set heartbeat_at = now() - interval '1 minute' where finished_at is null`);
    await database.end();
  };
  const endsToldAt = (haishin: TestHaishin): string[] => {
    const told: string[] = [];
    haishin.server
      .application()
      ?.get(DownloadObservers)
      .add({ ended: (_id, state) => void told.push(state) });
    return told;
  };

  it('a run that was taken for dead publishes nothing, and tells no second end', async () => {
    const barrier = new Barrier('composed');
    await open({ first: barrier });
    const told = { first: endsToldAt(bench.haishin), second: endsToldAt(second) };
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await barrier.atStep;
    // Between two of its heartbeats.
    do await silence();
    while ((await schedulerOf(second).clearStale()) === 0);
    barrier.release();
    await bench.haishin.server.application()?.get(DownloadService).idle();
    expect((await bench.api.get('/api/v1/channels')).body.items).toMatchObject([
      { snapshotId: null },
      { snapshotId: null },
    ]);
    expect(await bench.api.ended(id as string)).toMatchObject({
      state: 'failed',
      snapshotId: null,
      error: { code: 'download-interrupted', text: { ja: expect.stringMatching(/実行中に.*終了しました/) as string } },
    });
    expect(told).toEqual({ first: [], second: ['failed'] });
    const { items } = (await bench.api.get('/api/v1/events?outcome=failed')).body;
    expect(items).toMatchObject([{ code: 'download-interrupted' }]);
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a download whose process finds itself silent goes on', async () => {
    await open();
    bench.upstream.set(/server\.ini$/, { kind: 'hang-before-headers' });
    await bench.api.post('/api/v1/downloads');
    await bench.upstream.whenRequested(/server\.ini$/);
    await silence();
    expect(await schedulerOf(bench.haishin).clearStale()).toBe(0);
  });

  it('run one download at a time, and each says which one', async () => {
    await open();
    bench.upstream.set(/server\.ini$/, { kind: 'hang-before-headers' });
    const started = await bench.api.post('/api/v1/downloads');
    expect(started.status).toBe(202);
    const refused = await second.api.post('/api/v1/downloads');
    expect(refused).toMatchObject({ status: 409, body: { code: 'download-running', id: started.body.id } });
    expect(refused.body.owner).toMatchObject({ pid: process.pid, node: expect.any(String) as unknown });
    bench.upstream.clear();
    // Both tell of it, and either may stop it.
    expect((await second.api.get(`/api/v1/downloads/${started.body.id}`)).body.id).toBe(started.body.id);
    await second.api.ended(started.body.id as string);
  });

  it('a download that one runs can be cancelled at the other', async () => {
    await open();
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'drip', bytesPerSecond: 5000 });
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await bench.upstream.whenRequested(/vsapi\d+\.zip$/);
    expect((await second.api.post(`/api/v1/downloads/${id}/cancel`)).status).toBe(202);
    expect(await second.api.ended(id as string)).toMatchObject({ state: 'cancelled' });
  });

  it('take a tick of the schedule once', async () => {
    await open();
    const tick = new Date('2026-03-02T00:15:00Z');
    const started = await Promise.all([bench.haishin, second].map((each) => schedulerOf(each).tick(tick)));
    const [id] = started.filter((each) => each !== null);
    expect(started.filter((each) => each !== null)).toHaveLength(1);
    await bench.api.ended(id as string);
    expect(await schedulerOf(second).tick(new Date(tick.getTime() + 30_000))).toBeNull();
    const { items } = (await bench.api.get('/api/v1/downloads')).body;
    expect(items).toHaveLength(1);
  });

  it('serve the same, whichever of them published', async () => {
    await open();
    await second.api.download();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const { snapshotId } = (await bench.api.get('/api/v1/channels')).body.items[0];
    // The other one sees the pointer move; at most its poll interval later.
    for (;;) {
      const tree = await servedTree(`${second.http}/activeupdate`);
      if (tree.manifest.includes('vsapi242.zip')) break;
    }
    expect((await second.api.get('/api/v1/channels')).body.items[0].snapshotId).toBe(snapshotId);
    expect(await servedTree(`${second.http}/activeupdate`)).toEqual((await bench.served()).global);
  });

  it.each([
    ['cancelled', async (id: string) => void (await bench.api.post(`/api/v1/downloads/${id}/cancel`))],
    ['stopped', () => second.stop()],
  ] as const)('one that waits for the other to publish can be %s', async (_, end) => {
    const barrier = new Barrier('composed');
    bench = await MirrorBench.open({ publishSteps: barrier });
    const uploaded = uploadTo(bench.haishin, 'virus-pattern', {
      file: { name: 'lpt$vpn.400', content: 'a pattern' },
      version: '17.400.00',
    });
    await barrier.atStep;
    const { dataDir, database } = bench.haishin;
    second = await startHaishin({ dataDir, database, upstreamUrl: bench.upstream.url, limits: IMPATIENT });
    const { id } = (await second.api.post('/api/v1/downloads')).body as { id: string };
    await until(
      'it waits',
      async () => (await bench.api.get(`/api/v1/downloads/${id}`)).body.progress.phase === 'publish',
    );
    await end(id);
    // The other one still publishes.
    expect(await bench.api.ended(id)).toMatchObject({ state: 'cancelled', snapshotId: null });
    barrier.release();
    expect((await uploaded).status).toBe(201);
  });

  it('an upload that waits for the other to publish is told when its server stops', async () => {
    const barrier = new Barrier('composed');
    await open({ first: barrier });
    const { id } = (await bench.api.post('/api/v1/downloads')).body as { id: string };
    await barrier.atStep;
    try {
      const content = 'a pattern';
      const file = { name: 'lpt$vpn.400', content };
      const upload = uploadTo(second, 'virus-pattern', { file, version: '17.400.00' });
      const sha256 = createHash('sha256').update(content).digest('hex');
      const blob = join(bench.haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256);
      await until('it is stored', () => existsSync(blob));
      await second.stop();
      expect(await upload).toMatchObject({ status: 503, body: { code: 'server-stopping' } });
    } finally {
      barrier.release();
    }
    expect(await bench.api.ended(id)).toMatchObject({ state: 'succeeded' });
  });

  /** The connection that keeps the others from publishing, as a network or a restart of the database ends it. */
  const loseLock = (database: pg.Client): Promise<unknown> =>
    database.query(
      `select pg_terminate_backend(pid) from pg_locks join pg_database d on d.oid = database
       where locktype = 'advisory' and granted and datname = current_database()
         and ((classid::bigint << 32) | objid::bigint) = 7224801519`,
    );
  const ownConnection = async <T>(work: (database: pg.Client) => Promise<T>): Promise<T> => {
    const database = new pg.Client({ connectionString: bench.haishin.database.url });
    await database.connect();
    return work(database).finally(() => database.end());
  };
  const inForce = async (): Promise<unknown[]> =>
    ((await bench.api.get('/api/v1/channels')).body.items as { snapshotId: string }[]).map((each) => each.snapshotId);

  it('one that lost its lock behind the record puts nothing older into force than the other has since', async () => {
    const barrier = new Barrier('recorded');
    await open({ first: barrier });
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await barrier.atStep;
    await ownConnection(loseLock);
    const file = { name: 'lpt$vpn.400', content: 'a pattern' };
    const { status, body } = await uploadTo(second, 'virus-pattern', { file, version: '17.400.00' });
    expect(status).toBe(201);
    barrier.release();
    expect(await bench.api.ended(id as string)).toMatchObject({ state: 'succeeded' });
    await bench.haishin.server.application()?.get(DownloadService).idle();
    expect(await inForce()).toEqual([body.snapshotId, body.snapshotId]);
    for (const server of [bench.haishin, second])
      expect((await servedTree(`${server.http}/activeupdate`)).manifest).toContain('lpt$vpn.400');
  });

  it('one that loses its lock while it records is waited for: what it has staged is not cleared away', async () => {
    const barrier = new Barrier('staged');
    await open({ first: barrier });
    const { id } = (await bench.api.post('/api/v1/downloads')).body as { id: string };
    await barrier.atStep;
    const uploaded = await ownConnection(async (database) => {
      await database.query('begin');
      await database.query('select 1 from download where id = $1 for update', [id]);
      barrier.release();
      // Within one transaction the list of connections stays the same.
      const waiting = (what: string): Promise<boolean> =>
        ownConnection(async (other) => {
          const sql = `select 1 from pg_stat_activity where datname = current_database() and ${what}`;
          return (await other.query(sql)).rowCount !== 0;
        });
      await until('it records', () =>
        waiting(`wait_event_type = 'Lock' and query like 'update download set outcomes%'`),
      );
      await loseLock(database);
      let isDone = false;
      const file = { name: 'lpt$vpn.400', content: 'a pattern' };
      const upload = uploadTo(second, 'virus-pattern', { file, version: '17.400.00' });
      void upload.then(() => (isDone = true));
      await until('the other waits', async () => isDone || (await waiting(`wait_event = 'advisory'`)));
      await database.query('commit');
      return upload;
    });
    expect(await bench.api.ended(id)).toMatchObject({ state: 'succeeded' });
    expect(uploaded).toMatchObject({ status: 201, body: { published: true } });
    await bench.haishin.server.application()?.get(DownloadService).idle();
    expect(await inForce()).toEqual([uploaded.body.snapshotId, uploaded.body.snapshotId]);
    const { manifest } = await servedTree(`${bench.haishin.http}/activeupdate`);
    expect(manifest).toContain('lpt$vpn.400');
    expect(manifest).toContain('ssaptn');
  });

  it('a start beside a publication under way leaves it alone', async () => {
    const barrier = new Barrier('composed');
    bench = await MirrorBench.open({ publishSteps: barrier });
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    await barrier.atStep;
    const { dataDir, database } = bench.haishin;
    const rendering = join(dataDir, 'published', 'global', '.staging-of-the-first');
    await mkdir(rendering);
    second = await startHaishin({ dataDir, database, upstreamUrl: bench.upstream.url, limits: IMPATIENT });
    expect(await readdir(join(dataDir, 'published', 'global'))).toContain('.staging-of-the-first');
    barrier.release();
    expect(await bench.api.ended(id as string)).toMatchObject({ state: 'succeeded' });
    // What a crash left goes with the next publication.
    bench.tree.publish(['virus-pattern']);
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await readdir(join(dataDir, 'published', 'global'))).not.toContain('.staging-of-the-first');
    await bench.expectCurrent();
  });
});
