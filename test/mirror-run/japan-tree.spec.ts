import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fetchAsProduct } from '../support/reference-client.js';
import { MirrorBench } from './mirror-bench.js';

describe("the upstream's own japan tree", () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ treeOptions: { japanTree: true } });
    await bench.setting('update-source', { japanSources: [{ url: `${bench.upstream.url}/japan` }] });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  async function japanLines(downloadId: string): Promise<string[]> {
    const { items } = (await bench.api.get('/api/v1/events?limit=500&outcome=failed')).body;
    return (items as { downloadId: string; text: { en: string } }[])
      .filter((line) => line.downloadId === downloadId && line.text.en.includes('japan channel'))
      .map(({ text }) => text.en);
  }

  it('is mirrored beside the global one, each with its own bytes', async () => {
    const { global, japan } = await bench.served();
    const theirs = await fetchAsProduct(`${bench.upstream.url}/japan`);
    expect(japan.files).toEqual(Object.fromEntries([...theirs.files].sort(([a], [b]) => (a < b ? -1 : 1))));
    expect(japan.files['pattern/vsapi241.zip']?.sha256).not.toBe(global.files['pattern/vsapi241.zip']?.sha256);
    expect(japan.manifest).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724180, /m);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('each channel says which source it came from, and the download names the global one', async () => {
    expect((await bench.api.get('/api/v1/downloads')).body.items).toMatchObject([{ source: bench.upstream.url }]);
    expect((await bench.api.get('/api/v1/channels')).body.items).toMatchObject([
      { id: 'global', source: bench.upstream.url },
      { id: 'japan', source: `${bench.upstream.url}/japan` },
    ]);
  });

  it('that fails before japan has anything ends the download, and is named as what failed', async () => {
    await bench.close();
    bench = await MirrorBench.open({ treeOptions: { japanTree: true } });
    await bench.setting('update-source', { japanSources: [{ url: `${bench.upstream.url}/japan` }] });
    bench.upstream.set(/\/japan\/server\.ini$/, { kind: 'reset' });
    const failed = await bench.api.download();
    expect(failed).toMatchObject({
      state: 'failed',
      source: bench.upstream.url,
      error: { details: { channel: 'japan' } },
    });
    expect(await japanLines(failed.id as string)).toHaveLength(1);
  });

  it('that lacks its CA file does not hold up the global channel', async () => {
    const caFile = join(tmpdir(), `haishin-ca-${process.pid}.pem`);
    await writeFile(caFile, rootCertificates[0] ?? '');
    const japanSources = [{ url: bench.upstream.url.replace('http:', 'https:') }];
    await bench.setting('update-source', { caFile, japanSources });
    await rm(caFile);
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'partial', error: { code: 'ca-file-unreadable' } });
    await bench.expectCurrent();
  });

  it('that fails does not hold up the global channel; japan stays as it is', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(/\/japan\/server\.ini$/, { kind: 'reset' });
    const partial = await bench.api.download();
    expect(partial).toMatchObject({
      state: 'partial',
      source: bench.upstream.url,
      error: { code: 'upstream-unreachable', details: { channel: 'japan' } },
    });
    expect(partial.error.message).toMatch(/^The japan channel's own source could not be read: /);
    expect(await japanLines(partial.id as string)).toEqual([
      expect.stringMatching(
        /^[^()]*japan channel \(upstream-unreachable: The japan channel's own source could not be read: The upstream cannot [^()]*\)\. Every/,
      ),
    ]);
    const after = await bench.served();
    expect(after.japan).toEqual(before.japan);
    expect(after.global.manifest).toContain('vsapi242.zip');
    // Also when there is nothing new on the global side.
    const again = await bench.api.download();
    expect(again).toMatchObject({ state: 'partial', error: { code: 'upstream-unreachable' } });
    expect(await japanLines(again.id as string)).toHaveLength(1);
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
    expect((await bench.served()).japan.manifest).toContain('vsapi242.zip');
  });

  it('a component that fails there keeps its earlier release there', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(/\/japan\/pattern\/vsapi\d+\.zip$/, { kind: 'corrupted' });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    const after = await bench.served();
    expect(after.japan.files['pattern/vsapi241.zip']).toEqual(before.japan.files['pattern/vsapi241.zip']);
    expect(after.japan.files['pattern/ssaptn2471.zip']).toBeDefined();
    expect(after.global.files['pattern/vsapi242.zip']).toBeDefined();
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).japan.files['pattern/vsapi242.zip']).toBeDefined();
  });

  it('set after the channel was derived: its own bytes take the place of the derived ones, under the same lines', async () => {
    await bench.close();
    bench = await MirrorBench.open({ treeOptions: { japanTree: true } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const { global, japan } = await bench.served();
    expect(japan.files).toEqual(global.files);
    const theirs = await fetchAsProduct(`${bench.upstream.url}/japan`);
    await bench.setting('update-source', { japanSources: [{ url: `${bench.upstream.url}/japan` }] });

    // Of what was not asked for nothing is fetched.
    bench.upstream.requests.length = 0;
    const patterns = /\/japan\/pattern\/(vsapi|ssaptn)\d+\.zip$/;
    expect(await bench.api.download(['spyware-pattern'])).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requested(patterns)).toMatchObject([{ path: expect.stringContaining('ssaptn') as string }]);

    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const after = await bench.served();
    expect(after.japan.files).toEqual(Object.fromEntries([...theirs.files].sort(([a], [b]) => (a < b ? -1 : 1))));
    expect(after.japan.files['pattern/vsapi241.zip']?.sha256).not.toBe(japan.files['pattern/vsapi241.zip']?.sha256);
    expect(after.global).toEqual(global);
    expect((await bench.api.component('virus-pattern')).channels.japan).toMatchObject({ origin: 'mirrored' });
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toMatchObject([{ status: 304 }, { status: 304 }]);
  });

  it('given up again: the channel is derived from the global one', async () => {
    await bench.setting('update-source', { japanSources: [] });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const { global, japan } = await bench.served();
    expect(japan.files).toEqual(global.files);
    expect(japan.manifest).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724180, /m);
    const pattern = await bench.api.component('virus-pattern');
    expect(pattern.channels.japan).toMatchObject({
      origin: 'derived',
      derivedFrom: pattern.channels.global.releaseId as string,
    });
  });
});
