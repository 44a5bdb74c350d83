import { ManualClock } from '../../src/platform/clock/clock.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import type { Fault } from '../support/transfer-fault.js';
import { IMPATIENT, MirrorBench, outcomeOf } from './mirror-bench.js';

const PATTERN = /\/vsapi\d+\.zip$/;
const MANIFEST = /\/server\.ini$/;

/** The same tree again, of another server. */
function sameTree(published: string[][] = []): SampleTree {
  const tree = new SampleTree({ scale: 0.0005 });
  for (const components of published) tree.publish(components);
  return tree;
}

describe('a file that the first source cannot deliver', () => {
  let bench: MirrorBench;
  let other: FaultyUpstream;
  beforeEach(async () => {
    bench = await MirrorBench.open({ tree: sameTree(), limits: IMPATIENT });
    other = await FaultyUpstream.start({ tree: sameTree() });
    await bench.setting('update-source', { sources: [{ url: bench.upstream.url }, { url: other.url }] });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
  });
  afterEach(async () => {
    await bench.close();
    await other.close();
  });

  async function told(downloadId: string): Promise<{ code: string; text: { ja: string; en: string } }[]> {
    const { items } = (await bench.api.get('/api/v1/events?limit=500&outcome=failed')).body;
    return (items as { downloadId: string; code: string; text: { ja: string; en: string } }[]).filter(
      (line) => line.downloadId === downloadId,
    );
  }

  it.each<[string, Fault, string]>([
    ['is missing', { kind: 'status', status: 404 }, 'upstream-not-found'],
    ['has another length', { kind: 'resized', deltaBytes: 7 }, 'size-mismatch'],
    ['is corrupt', { kind: 'corrupted' }, 'zip-corrupt'],
    ['does not come', { kind: 'hang-before-headers' }, 'upstream-timeout'],
  ])('because it %s, comes from the next one whose manifest says the same of it', async (_, fault, code) => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, fault);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded', source: bench.upstream.url, error: null });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({
      outcome: 'updated',
      versionAfter: '17.242.00',
      error: null,
      source: other.url,
    });
    expect(outcomeOf(download, 'spyware-pattern')).not.toHaveProperty('source');
    expect(download.progress.filesDone).toBe(download.progress.filesTotal);
    bench.upstream.clear();
    await bench.expectCurrent();
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      current: { version: '17.242.80' },
      available: { state: 'version', version: '17.242.00' },
    });
    const { releaseId } = (await bench.api.component('virus-pattern')).channels.global;
    expect((await bench.api.get(`/api/v1/releases/${releaseId as string}`)).body).toMatchObject({ source: other.url });
    // Files and their signatures are of one source, and nothing else is asked of it.
    const fetched = other.requests.map(({ path }) => path).filter((path) => !MANIFEST.test(path));
    for (const file of [/\/vsapi242\.zip$/, /\/vsapi242\.sig$/, /\/v_241\.242$/, /\/v_241\.sig$/])
      expect(fetched).toContainEqual(expect.stringMatching(file));
    expect(fetched).not.toContainEqual(expect.stringMatching(/ssaptn/));
    const lines = await told(download.id as string);
    expect(lines).toMatchObject([{ code }]);
    for (const text of Object.values(lines[0]?.text ?? {})) expect(text).toContain(bench.upstream.url);
    expect(lines[0]?.text.en).toContain('what it lacked was taken from the next source in the settings');
  });

  it('because it asks to come back later, comes from the next one, and the pause is kept', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'status', status: 503, headers: { 'Retry-After': '3000' } });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated', source: other.url });
    expect(outcomeOf(download, 'spyware-pattern')).not.toHaveProperty('source');
    bench.upstream.clear();
    await bench.expectCurrent();
    expect(await told(download.id as string)).toMatchObject([{ code: 'upstream-busy' }]);
    expect((await bench.api.get('/api/v1/settings/update-source/state')).body.items).toMatchObject([
      { url: bench.upstream.url, coolDownReason: 'upstream-busy' },
      { url: other.url, coolDownUntil: null },
    ]);
  });

  it('leaves nothing to do: the next download is one conditional request', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    for (const upstream of [bench.upstream, other]) upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged', components: [] });
    expect(bench.upstream.requests).toMatchObject([{ path: expect.stringMatching(MANIFEST) as string, status: 304 }]);
    expect(other.requests).toEqual([]);
  });

  it('stays away when the next one has another version of it', async () => {
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'failed', error: { code: 'zip-corrupt' } });
    expect(other.requests.map(({ path }) => path)).toEqual([expect.stringMatching(MANIFEST)]);
    expect(await told(download.id as string)).toMatchObject([{ component: 'virus-pattern' }]);
  });

  it('stays away when the next one cannot deliver it either, and the first says why', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    other.set(PATTERN, { kind: 'status', status: 404 });
    const download = await bench.api.download();
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'failed', error: { code: 'zip-corrupt' } });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('comes from the one after the next, when that cannot be read', async () => {
    const third = await FaultyUpstream.start({ tree: sameTree([['virus-pattern', 'spyware-pattern']]) });
    const sources = [bench.upstream.url, other.url, third.url].map((url) => ({ url }));
    await bench.setting('update-source', { sources });
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    await other.refuseConnections();
    const download = await bench.api.download();
    await third.close();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ source: third.url });
    expect((await bench.api.get('/api/v1/settings/update-source/state')).body.items).toMatchObject([
      { url: bench.upstream.url, lastError: null },
      { url: other.url, lastError: { code: 'upstream-unreachable' } },
      { url: third.url, lastError: null },
    ]);
  });

  it('stays away when the next one publishes something else meanwhile', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    const transform = (ini: Buffer): Buffer =>
      Buffer.from(ini.toString('latin1').replaceAll('vsapi242.zip', 'vsapi243.zip'), 'latin1');
    other.set(MANIFEST, { kind: 'transform', transform }, { from: 2 });
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({
      outcome: 'failed',
      error: { code: 'zip-corrupt' },
    });
  });

  it('is not asked for by the schedule where the next one is left alone for a while', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    other.set(MANIFEST, { kind: 'status', status: 403 });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    const asked = other.requests.length;
    other.clear();
    const quarter = new Date(Math.ceil(Date.now() / 900_000) * 900_000);
    const id = await bench.haishin.server.application()?.get(DownloadScheduler).tick(quarter);
    expect(await bench.api.ended(id ?? '')).toMatchObject({ state: 'partial' });
    expect(other.requests).toHaveLength(asked);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });

  it('a pause that the next one asks for because of it holds the schedule up for half an hour at most', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    other.set(PATTERN, { kind: 'status', status: 503, headers: { 'Retry-After': '80000' } });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    const { items } = (await bench.api.get('/api/v1/settings/update-source/state')).body;
    const coolDownUntil = new Date(clock.now().getTime() + 1_800_000).toISOString();
    expect(items).toMatchObject([{ url: bench.upstream.url }, { url: other.url, coolDownUntil }]);
  });

  it('does not hinder a person from cancelling while the next one is asked', async () => {
    other.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(PATTERN, { kind: 'corrupted' });
    other.set(PATTERN, { kind: 'drip', bytesPerSecond: 5000 });
    const before = await bench.served();
    const { id } = (await bench.api.post('/api/v1/downloads')).body as { id: string };
    await other.whenRequested(PATTERN);
    expect(await bench.api.post(`/api/v1/downloads/${id}/cancel`)).toMatchObject({ status: 202 });
    expect(await bench.api.ended(id)).toMatchObject({ state: 'cancelled' });
    expect(await bench.served()).toEqual(before);
  });

  it("comes from the next one of the channel's own sources", async () => {
    const trees = [1, 2].map(() => new SampleTree({ scale: 0.0005, japanTree: true }));
    const [first, next] = await Promise.all(trees.map((tree) => FaultyUpstream.start({ tree })));
    if (first === undefined || next === undefined) throw new Error('two were started');
    const japanSources = [first, next].map(({ url }) => ({ url: `${url}/japan` }));
    await bench.setting('update-source', { sources: [{ url: bench.upstream.url }], japanSources });
    first.set(PATTERN, { kind: 'corrupted' });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(outcomeOf(download, 'virus-pattern').error).toBeNull();
    const { releaseId } = (await bench.api.component('virus-pattern')).channels.japan;
    expect((await bench.api.get(`/api/v1/releases/${releaseId as string}`)).body.source).toBe(`${next.url}/japan`);
    expect((await bench.served()).japan.manifest).toContain('vsapi241.zip');
    await Promise.all([first.close(), next.close()]);
  });
});
