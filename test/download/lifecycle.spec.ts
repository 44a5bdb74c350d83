import { hostname } from 'node:os';
import { DataSource } from 'typeorm';
import { CommandSweeper } from '../../src/modules/commands/command.sweeper.js';
import { DownloadObservers } from '../../src/modules/download/download.observers.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { DownloadService } from '../../src/modules/download/download.service.js';
import { thisProcess } from '../../src/platform/process/process-mark.js';
import { MirrorBench, outcomeOf } from '../mirror-run/mirror-bench.js';
import type { ApiAnswer } from '../support/haishin.js';
import { until } from '../support/until.js';

const DOWNLOADS = '/api/v1/downloads';

describe('a download', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
  });
  afterEach(() => bench.close());

  function get<T>(token: new (...args: never[]) => T): T {
    const app = bench.haishin.server.application();
    if (app === null) throw new Error('the application is not there');
    return app.get(token);
  }

  async function linesOf(downloadId: string): Promise<ApiAnswer['body'][]> {
    const { items } = (await bench.api.get('/api/v1/events?limit=500')).body;
    return (items as { downloadId: string }[]).filter((line) => line.downloadId === downloadId);
  }

  /** The tracked command of the only download, once it has ended. */
  async function trackedEnd(): Promise<ApiAnswer['body']> {
    const ended = async (): Promise<ApiAnswer['body'][]> =>
      (await bench.api.get('/api/v1/commands?type=download&state=ended')).body.items;
    await until('the download is tracked to its end', async () => (await ended()).length === 1);
    return (await ended())[0];
  }

  it('is refused with the id of the running one while one runs', async () => {
    bench.upstream.set(/server\.ini$/, { kind: 'hang-before-headers' });
    const { body, status } = await bench.api.post(DOWNLOADS);
    expect(status).toBe(202);
    expect(await bench.api.post(DOWNLOADS)).toMatchObject({
      status: 409,
      body: { code: 'download-running', id: body.id, owner: { node: hostname(), pid: process.pid } },
    });
    bench.upstream.clear();
    await bench.api.ended(body.id as string);
  });

  it('tells everything of itself when it has ended', async () => {
    const first = await bench.api.download();
    expect(first).toMatchObject({
      trigger: 'manual',
      state: 'succeeded',
      requested: null,
      startedBy: 'bootstrap',
      source: bench.upstream.url,
      error: null,
      snapshotId: expect.any(String) as unknown,
      owner: { node: hostname(), pid: process.pid },
      progress: { phase: null },
    });
    expect(first.progress.filesDone).toBe(first.progress.filesTotal);
    expect(first.bytes).toBe(first.progress.bytesTotal);
    expect(first.durationSeconds).toBeGreaterThan(0);
    expect(outcomeOf(first, 'virus-pattern')).toEqual({
      id: 'virus-pattern',
      outcome: 'updated',
      versionBefore: null,
      versionAfter: '17.241.00',
      offered: '17.241.00',
      error: null,
    });
    bench.tree.publish(['virus-pattern']);
    const second = await bench.api.download();
    expect(outcomeOf(second, 'virus-pattern')).toMatchObject({ versionBefore: '17.241.00', versionAfter: '17.242.00' });
    expect(outcomeOf(second, 'spyware-pattern')).toMatchObject({ outcome: 'unchanged' });
    expect(second.bytes).toBeLessThan(first.bytes as number);
    expect((await bench.api.get(`/api/v1/snapshots/${second.snapshotId}`)).body).toMatchObject({
      downloadId: second.id,
      reason: 'download',
      createdBy: 'bootstrap',
    });
  });

  it('is tracked with what became of each component, what failed first', async () => {
    bench.upstream.set(/ssaptn\d+\.zip$/, { kind: 'status', status: 404 });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    const command = await trackedEnd();
    expect(command.components).toEqual(expect.arrayContaining(['spyware-pattern', 'virus-pattern']));
    const target = (await bench.api.get(`/api/v1/commands/${command.id}/targets/@server`)).body;
    expect(target).toMatchObject({ state: 'failed', reason: 'partial', droppedMessages: 0 });
    expect(target.messages[0]).toMatch(/^spyware-pattern: failed, upstream-not-found: /);
    expect(target.messages).toContain('virus-pattern: updated, 17.241.00');
    expect(target.messageTexts[0].en).toBe(target.messages[0]);
    expect(target.messageTexts[0].ja).toMatch(/^spyware-pattern: 失敗, upstream-not-found: .*[ぁ-ん]/);
    expect(target.messageText).toEqual({ en: target.message, ja: expect.stringMatching(/[ぁ-ん]/) });
    expect(target.timeline[0].messageTexts).toEqual(target.messageTexts);
    expect(target.timeline).toMatchObject([{ execution: 'closed', finished: 'failure' }]);
    const [listed] = (await bench.api.get(`/api/v1/commands/${command.id}/targets`)).body.items;
    expect(listed.messages[0]).toBe(target.messages[0]);
    const exported = await bench.api.get('/api/v1/commands/export?format=csv');
    expect(exported.body).toContain(`,${target.message}`);
    const found = (await bench.api.get('/api/v1/commands?component=spyware-pattern')).body.items as { id: string }[];
    expect(found.map(({ id }) => id)).toEqual([command.id]);
  });

  it('shows its progress while it runs', async () => {
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'drip', bytesPerSecond: 20_000 });
    const { id } = (await bench.api.post(DOWNLOADS)).body;
    const seen = new Set<string>();
    const bytes: number[] = [];
    for (let state = 'running'; state === 'running';) {
      const { body } = await bench.api.get(`${DOWNLOADS}/${id}`);
      seen.add(String(body.progress.phase));
      bytes.push(body.progress.bytesDone as number);
      state = body.state as string;
    }
    expect([...seen]).toEqual(expect.arrayContaining(['files']));
    expect(new Set(bytes).size).toBeGreaterThan(3);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(await bench.api.ended(id as string)).toMatchObject({ state: 'succeeded' });
  });

  it('that is cancelled publishes nothing, and the next one goes on where it stopped', async () => {
    await bench.close();
    // Only of files beyond a mebibyte is a part kept.
    bench = await MirrorBench.open({ treeOptions: { scale: 0.03 } });
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'hang-mid-body', afterBytes: 1_500_000 });
    const { id } = (await bench.api.post(DOWNLOADS)).body;
    await until(
      'only that file is missing',
      async () => (await bench.api.get(`${DOWNLOADS}/${id}`)).body.progress.filesDone > 5,
    );
    expect(await bench.api.post(`${DOWNLOADS}/${id}/cancel`)).toMatchObject({ status: 202, body: { id } });
    const end = await bench.api.ended(id as string);
    expect(end).toMatchObject({ state: 'cancelled', snapshotId: null, components: [] });
    expect(end.cancelRequestedAt).not.toBeNull();
    expect(await linesOf(id as string)).toMatchObject([
      {
        outcome: 'cancelled',
        actor: 'bootstrap',
        text: { en: expect.stringMatching(/: cancelled by bootstrap\./) as string },
      },
    ]);
    const command = await trackedEnd();
    expect(command).toMatchObject({ cancelledBy: 'bootstrap', cancelledAt: end.cancelRequestedAt as string });
    expect((await bench.api.get(`/api/v1/commands/${command.id}/targets/@server`)).body).toMatchObject({
      state: 'cancelled',
      reason: 'download-cancelled',
      text: { en: expect.stringMatching(/while the server was downloading/) as string },
    });
    expect((await bench.api.get('/api/v1/channels')).body.items[0].snapshotId).toBeNull();
    expect(await bench.api.post(`${DOWNLOADS}/${id}/cancel`)).toMatchObject({
      status: 409,
      body: { code: 'download-ended', state: 'cancelled' },
    });
    // Nobody's fault: nothing is said about the source.
    expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { reason: 'never-checked' } });
    bench.upstream.clear();
    const asked = bench.upstream.requests.length;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const again = bench.upstream.requests.slice(asked);
    expect(again.find(({ path }) => path.endsWith('vsapi241.zip'))?.range).toBe('bytes=1500000-');
    await bench.expectCurrent();
  });

  it('that does not exist can neither be read nor cancelled', async () => {
    for (const id of ['00000000-0000-4000-8000-000000000000', 'nonsense', '%00'])
      for (const answer of [
        await bench.api.get(`${DOWNLOADS}/${id}`),
        await bench.api.post(`${DOWNLOADS}/${id}/cancel`),
      ])
        expect(answer).toMatchObject({ status: 404, body: { code: 'download-unknown' } });
  });

  describe('whose process has died', () => {
    const here = thisProcess.place ?? null;
    const elsewhere = '0123456789ab';
    const lock = (node: string, pid: number, age: string, place: string | null): Promise<unknown> =>
      get(DataSource).query(
        `insert into download (id, trigger, state, started_by, created_at, started_at, owner_node, owner_pid, owner_place, owner_token, heartbeat_at)
         values (gen_random_uuid(), 'manual', 'running', 'somebody', now(), now(), $1, $2, $4, case when $4::text is not null then '00000000' end, now() - $3::interval)`,
        [node, pid, age, place],
      );

    it.each([
      ['on another node, silent for half a minute', 'elsewhere', 1, '31 seconds', elsewhere],
      ['of an earlier version, silent for half a minute', hostname(), 2 ** 22 + 1, '31 seconds', null],
      ['on this node, whose process is gone', hostname(), 2 ** 22 + 1, '1 second', here],
      ['on this node, under our own number before we started', hostname(), process.pid, '1 second', here],
    ])('%s: is cleared, explained, and blocks nothing', async (_, node, pid, age, place) => {
      await lock(node, pid, age, place);
      expect((await bench.api.post(DOWNLOADS)).status).toBe(409);
      const ended: string[] = [];
      get(DownloadObservers).add({ ended: (_id, state) => void ended.push(state) });
      expect(await get(DownloadScheduler).clearStale()).toBe(1);
      expect(ended).toEqual(['failed']);
      const [stale] = (await bench.api.get(DOWNLOADS)).body.items;
      expect(stale).toMatchObject({ state: 'failed', error: { code: 'download-interrupted' } });
      expect(stale.error.message).toContain(`${pid} on ${node}`);
      expect(await linesOf(stale.id as string)).toMatchObject([
        {
          outcome: 'failed',
          code: 'download-interrupted',
          actor: 'somebody',
          text: { en: expect.stringMatching(/^Manual update: the server process ended while it ran/) as string },
        },
      ]);
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    });

    it.each([
      ['on another node', 'elsewhere', 1, elsewhere],
      ['in a container of the same host name, with a number that nobody has here', hostname(), 2 ** 22 + 1, elsewhere],
      ['in a container of the same host name, with our number', hostname(), process.pid, elsewhere],
      ['of an earlier version, with a number that nobody has here', hostname(), 2 ** 22 + 1, null],
    ])('%s: is left alone while its owner gives signs of life', async (_, node, pid, place) => {
      await lock(node, pid, '20 seconds', place);
      expect(await get(DownloadScheduler).clearStale()).toBe(0);
      expect((await bench.api.post(DOWNLOADS)).status).toBe(409);
    });
  });

  it('that lost its lock stops without publishing', async () => {
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'drip', bytesPerSecond: 8000 });
    const { id } = (await bench.api.post(DOWNLOADS)).body;
    await bench.upstream.whenRequested(/vsapi\d+\.zip$/);
    await get(DataSource).query(`update download set state = 'failed', finished_at = now() where id = $1`, [id]);
    await until(
      'it has noticed',
      async () => (await bench.api.post(DOWNLOADS, { components: ['spyware-pattern'] })).status === 202,
    );
    const [{ id: next }] = (await bench.api.get(DOWNLOADS)).body.items;
    await bench.api.ended(next as string);
    expect((await bench.api.get('/api/v1/snapshots')).body.items).toMatchObject([{ downloadId: next as string }]);
  });

  it('ends, and in the record as cancelled, when the server is stopped; nothing is published', async () => {
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'hang-mid-body', afterBytes: 20_000 });
    const { id } = (await bench.api.post(DOWNLOADS)).body;
    await bench.upstream.whenRequested(/vsapi\d+\.zip$/);
    await bench.restart();
    expect((await bench.api.get(`${DOWNLOADS}/${id}`)).body).toMatchObject({ state: 'cancelled', snapshotId: null });
    expect(await linesOf(id as string)).toMatchObject([{ outcome: 'cancelled', code: 'server-stopped' }]);
    await get(CommandSweeper).sweep();
    expect(await trackedEnd()).toMatchObject({ cancelledBy: null });
  });

  it('that begins while the server is stopped is ended by that; later none begins', async () => {
    const service = get(DownloadService);
    const tick = new Date('2026-03-02T00:15:00Z');
    const runner = get(DataSource).createQueryRunner();
    await runner.startTransaction();
    await runner.query('lock table download in share mode');
    const begun = service.startScheduled(tick);
    const stopped = service.onApplicationShutdown();
    await runner.commitTransaction();
    await runner.release();
    await stopped;
    const [download] = (await bench.api.get(DOWNLOADS)).body.items;
    expect(download).toMatchObject({ id: await begun, state: 'cancelled', snapshotId: null });
    expect(await linesOf(download.id as string)).toMatchObject([{ outcome: 'cancelled', code: 'server-stopped' }]);
    expect(bench.upstream.requests).toEqual([]);

    expect(await service.startScheduled(new Date(tick.getTime() + 900_000))).toBeNull();
    expect(await bench.api.post(DOWNLOADS)).toMatchObject({ status: 503, body: { code: 'server-stopping' } });
    expect((await bench.api.get(DOWNLOADS)).body.items).toHaveLength(1);
  });
});
