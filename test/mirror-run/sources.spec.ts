import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { IMPATIENT, MirrorBench, servedTree } from './mirror-bench.js';

const STATE = '/api/v1/settings/update-source/state';

describe('several sources', () => {
  let bench: MirrorBench;
  let other: FaultyUpstream;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    other = await FaultyUpstream.start({ tree: bench.tree });
    await bench.setting('update-source', { sources: [{ url: bench.upstream.url }, { url: other.url }] });
  });
  afterEach(async () => {
    await bench.close();
    await other.close();
  });

  it('are asked in their order: the second only when the first cannot be read', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', source: bench.upstream.url });
    expect(other.requests).toEqual([]);
    await bench.upstream.refuseConnections();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', source: other.url });
    const { items } = (await bench.api.get(STATE)).body;
    expect(items).toMatchObject([
      { url: bench.upstream.url, lastError: { code: 'upstream-unreachable' } },
      { url: other.url, failingSince: null, lastError: null },
    ]);
    expect((await bench.served()).global.manifest).toContain('vsapi242.zip');

    await bench.upstream.acceptConnections();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', source: bench.upstream.url });
    await bench.expectCurrent();
  });

  it('a source that another one stood in for is named in the update log, with its reason', async () => {
    await bench.upstream.refuseConnections();
    const { id } = await bench.api.download();
    const { items } = (await bench.api.get('/api/v1/events?limit=100&outcome=failed')).body;
    const [line] = items as {
      code: string;
      component: string | null;
      downloadId: string;
      text: { ja: string; en: string };
    }[];
    expect(items).toHaveLength(1);
    expect(line).toMatchObject({ component: null, code: 'upstream-unreachable', downloadId: id });
    for (const text of [line?.text.ja, line?.text.en]) expect(text).toContain(bench.upstream.url);
    expect(line?.text.en).toContain('the next one in the settings was read instead');
    // Nothing new: nothing is said again every quarter of an hour.
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect((await bench.api.get('/api/v1/events?limit=100&outcome=failed')).body.items).toHaveLength(1);
  });

  it('one that is left alone for a while does not hide that another cannot be reached', async () => {
    other.set(/server\.ini$/, { kind: 'status', status: 503, headers: { 'Retry-After': '3000' } });
    await bench.upstream.refuseConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-busy' } });
    const asked = other.requests.length;
    const quarter = new Date(Math.ceil(Date.now() / 900_000) * 900_000);
    const id = await bench.haishin.server.application()?.get(DownloadScheduler).tick(quarter);
    expect(await bench.api.ended(id ?? '')).toMatchObject({ state: 'failed', error: { code: 'upstream-unreachable' } });
    expect(other.requests).toHaveLength(asked);
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'upstream-unreachable' },
    });
  });

  it('none of which can be read: the last one says why', async () => {
    await bench.upstream.refuseConnections();
    other.set(/server\.ini$/, { kind: 'html-page' });
    expect(await bench.api.download()).toMatchObject({
      state: 'failed',
      error: { code: 'upstream-unexpected-content' },
    });
  });
});

describe('a directory as a source', () => {
  it('is mirrored byte for byte, and its absence is no empty tree', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'haishin-share-'));
    const share = join(parent, 'share');
    const tree = new SampleTree({ scale: 0.0005 });
    await tree.materialise(share);
    const haishin = await startHaishin({ upstreamUrl: share });
    try {
      expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
      const ours = await servedTree(`${haishin.http}/activeupdate`);
      expect(Object.keys(ours.files).sort()).toEqual(
        [...tree.files().keys()].filter((path) => !/\.sig$|server\.ini$/.test(path)).sort(),
      );
      expect(await haishin.api.download()).toMatchObject({ state: 'unchanged' });

      tree.publish(['virus-pattern']);
      await tree.materialise(share);
      expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
      const before = await servedTree(`${haishin.http}/activeupdate`);
      expect(before.manifest).toContain('vsapi242.zip');

      await rm(share, { recursive: true });
      expect(await haishin.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-unreachable' } });
      expect(await servedTree(`${haishin.http}/activeupdate`)).toEqual(before);
    } finally {
      await haishin.dispose();
      await rm(parent, { recursive: true });
    }
  });
});

describe('another Haishin as a source', () => {
  let bench: MirrorBench;
  let second: TestHaishin;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    second = await startHaishin({ upstreamUrl: `${bench.haishin.http}/activeupdate`, limits: IMPATIENT });
  });
  afterEach(async () => {
    await second.dispose();
    await bench.close();
  });

  it('a chain of two serves the same bytes on both channels, through updates and rollbacks', async () => {
    const same = async (): Promise<void> => {
      const ours = await bench.served();
      expect(await servedTree(`${second.http}/activeupdate`)).toEqual(ours.global);
      expect(await servedTree(`${second.http}/activeupdate/japan`)).toEqual(ours.japan);
    };
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    await same();
    bench.tree.publish(['virus-pattern', 'virus-scan-engine']);
    await bench.api.download();
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    await same();
    await bench.api.post('/api/v1/components/virus-pattern/rollback');
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    await same();
    expect(await second.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('takes the japan channel from the japan tree of the first, when told so', async () => {
    const path = '/api/v1/settings/update-source';
    const japanSources = [{ url: `${bench.haishin.http}/activeupdate/japan` }];
    await second.api.put(path, { ...(await second.api.get(path)).body, japanSources });
    expect(await second.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await servedTree(`${second.http}/activeupdate/japan`)).toEqual((await bench.served()).japan);
    const pattern = (await second.api.get('/api/v1/components/virus-pattern')).body;
    expect(pattern.channels.japan).toMatchObject({ version: '17.241.80', variant: '80', origin: 'mirrored' });
    expect(pattern.channels.global).toMatchObject({ version: '17.241.00', variant: '00', origin: 'mirrored' });
  });
});
