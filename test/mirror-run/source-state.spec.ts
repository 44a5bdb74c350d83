import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { MirrorBench } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;
const MINUTE = 60_000;
const STATE = '/api/v1/settings/update-source/state';

function scheduler(bench: MirrorBench): DownloadScheduler {
  const app = bench.haishin.server.application();
  if (app === null) throw new Error('the application is not there');
  return app.get(DownloadScheduler);
}

describe('a source that asks for a pause', () => {
  const clock = new ManualClock(new Date('2026-03-02T00:00:10Z'));
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ clock });
  });
  afterEach(() => bench.close());

  /** The next quarter of an hour strikes: what the schedule then does, once it has ended. */
  async function quarter(): Promise<{ state: string; error: { code: string } | null }> {
    clock.advance(15 * MINUTE);
    const id = await scheduler(bench).tick(clock.now());
    if (id === null) throw new Error('the schedule did nothing');
    return bench.api.ended(id);
  }

  it('holds back the schedule, also after a restart, but never a person', async () => {
    bench.upstream.set(MANIFEST, { kind: 'status', status: 503, headers: { 'Retry-After': '3000' } });
    const asked = clock.now();
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-busy' } });
    const until = new Date(asked.getTime() + 3000_000).toISOString();
    const paused = {
      url: bench.upstream.url,
      channel: 'global',
      lastReadAt: null,
      failingSince: asked.toISOString(),
      lastError: {
        code: 'upstream-busy',
        message: 'The upstream asks to come back in 3000 s.',
        text: {
          en: 'The upstream asks to come back in 3000 s.',
          ja: 'アップデート元から、3000 秒後に接続し直すよう求められました。',
        },
      },
      coolDownUntil: until,
      coolDownReason: 'upstream-busy',
    };
    expect((await bench.api.get(STATE)).body).toEqual({ items: [paused], next: null });
    const requests = bench.upstream.requests.length;

    expect(await quarter()).toMatchObject({ state: 'failed', error: { code: 'upstream-cooling-down' } });
    await bench.restart();
    expect(await quarter()).toMatchObject({ state: 'failed', error: { code: 'upstream-cooling-down' } });
    expect(bench.upstream.requests).toHaveLength(requests);
    expect((await bench.api.get(STATE)).body.items).toEqual([paused]);

    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.api.get(STATE)).body.items).toMatchObject([
      { failingSince: null, lastError: null, coolDownUntil: null, lastReadAt: clock.now().toISOString() },
    ]);
  });

  it('is asked again by the schedule when the pause is over', async () => {
    bench.upstream.set(MANIFEST, { kind: 'status', status: 503, headers: { 'Retry-After': '1200' } }, { times: 1 });
    expect(await quarter()).toMatchObject({ error: { code: 'upstream-busy' } });
    expect(await quarter()).toMatchObject({ error: { code: 'upstream-cooling-down' } });
    expect(await quarter()).toMatchObject({ state: 'succeeded' });
  });

  it('keeps its pause when a person asks meanwhile and meets another fault, or a shorter pause', async () => {
    bench.upstream.set(MANIFEST, { kind: 'status', status: 503, headers: { 'Retry-After': '3600' } });
    await bench.api.download();
    const until = new Date(clock.now().getTime() + 3600_000).toISOString();
    const refused = { kind: 'status', status: 503, headers: { 'Retry-After': '600' } } as const;
    for (const fault of [{ kind: 'html-page' } as const, refused]) {
      bench.upstream.set(MANIFEST, fault);
      expect(await bench.api.download()).toMatchObject({ state: 'failed' });
      expect((await bench.api.get(STATE)).body.items).toMatchObject([
        { coolDownUntil: until, coolDownReason: 'upstream-busy' },
      ]);
    }
    bench.upstream.clear();
    expect(await quarter()).toMatchObject({ error: { code: 'upstream-cooling-down' } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await quarter()).toMatchObject({ state: 'unchanged' });
  });

  it('gets a longer one when it asks for that, and one of now when the old one is of a clock that was set back', async () => {
    const pauseOf = async (seconds: number): Promise<number> => {
      bench.upstream.set(MANIFEST, { kind: 'status', status: 503, headers: { 'Retry-After': `${seconds}` } });
      await bench.api.download();
      const [{ coolDownUntil }] = (await bench.api.get(STATE)).body.items;
      return (Date.parse(coolDownUntil as string) - clock.now().getTime()) / 1000;
    };
    expect(await pauseOf(600)).toBe(600);
    expect(await pauseOf(3600)).toBe(3600);
    clock.advance(-48 * 60 * MINUTE);
    expect(await pauseOf(600)).toBe(600);
    clock.advance(48 * 60 * MINUTE);
  });

  it('may ask for it while files are fetched', async () => {
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'status', status: 429, headers: { 'Retry-After': '3000' } });
    await bench.api.download();
    expect((await bench.api.get(STATE)).body.items).toMatchObject([{ coolDownReason: 'upstream-busy' }]);
    bench.upstream.clear();
    expect(await quarter()).toMatchObject({ error: { code: 'upstream-cooling-down' } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('cannot silence the schedule for longer than a day', async () => {
    bench.upstream.set(MANIFEST, { kind: 'status', status: 503, headers: { 'Retry-After': '9999999' } });
    await bench.api.download();
    const [{ coolDownUntil }] = (await bench.api.get(STATE)).body.items;
    expect(Date.parse(coolDownUntil as string) - clock.now().getTime()).toBe(24 * 60 * MINUTE);
  });

  it('is not waited for when the clock has been set back since', async () => {
    clock.advance(48 * 60 * MINUTE);
    bench.upstream.set(MANIFEST, { kind: 'status', status: 403 }, { times: 1 });
    await bench.api.download();
    clock.advance(-40 * 60 * MINUTE);
    expect(await quarter()).toMatchObject({ state: 'succeeded' });
  });

  it('failing since its first failure, with the last reason', async () => {
    const first = clock.now().toISOString();
    await bench.upstream.refuseConnections();
    await bench.api.download();
    clock.advance(MINUTE);
    await bench.upstream.acceptConnections();
    bench.upstream.set(MANIFEST, { kind: 'html-page' });
    await bench.api.download();
    expect((await bench.api.get(STATE)).body.items).toMatchObject([
      { failingSince: first, lastError: { code: 'upstream-unexpected-content' }, coolDownUntil: null },
    ]);
  });
});

describe('a source whose CA file cannot be read any more', () => {
  const clock = new ManualClock(new Date('2026-03-02T00:00:10Z'));
  const caFile = join(tmpdir(), `haishin-source-state-${process.pid}.pem`);
  const url = 'https://127.0.0.1:9/activeupdate';
  let bench: MirrorBench;
  beforeEach(async () => {
    await writeFile(caFile, rootCertificates[0] ?? '');
    bench = await MirrorBench.open({ clock });
    await bench.setting('update-source', { caFile, sources: [{ url }, { url: bench.upstream.url }] });
  });
  afterEach(async () => {
    await rm(caFile, { force: true });
    await bench.close();
  });

  it('says so, at once and with the time since a download met it, until the file is there and it was asked again', async () => {
    const lastError = { code: 'ca-file-unreadable', message: expect.stringContaining(caFile) as string };
    const plain = { url: bench.upstream.url, failingSince: null, lastError: null };
    expect((await bench.api.get(STATE)).body.items).toMatchObject([{ url, lastError: null }, plain]);
    await rm(caFile);
    expect((await bench.api.get(STATE)).body.items).toMatchObject([{ url, failingSince: null, lastError }, plain]);
    const since = clock.now().toISOString();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', source: bench.upstream.url });
    expect((await bench.api.get(STATE)).body.items).toMatchObject([{ url, failingSince: since, lastError }, plain]);

    await writeFile(caFile, rootCertificates[0] ?? '');
    clock.advance(MINUTE);
    await bench.api.download();
    expect((await bench.api.get(STATE)).body.items).toMatchObject([
      { url, failingSince: since, lastError: { code: 'upstream-unreachable' } },
      plain,
    ]);
  });
});
