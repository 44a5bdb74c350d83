import { DataSource } from 'typeorm';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import type { ComponentView } from '../../src/modules/download/component.view.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

describe('a japan channel whose source has news of its own', () => {
  let bench: MirrorBench;
  let japan: FaultyUpstream;
  beforeEach(async () => {
    japan = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005, japanTree: true }) });
    bench = await MirrorBench.open();
    await bench.setting('update-source', { japanSources: [{ url: `${japan.url}/japan` }] });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(async () => {
    await bench.close();
    await japan.close();
  });

  /** Available version, or why there is none; a star where an update is needed. */
  async function available(channel: string): Promise<Record<string, string>> {
    const { items } = (await bench.api.get(`/api/v1/components?channel=${channel}`)).body;
    const shown = ({ available: { state, version, reason }, updateNeeded }: ComponentView): string =>
      `${state === 'version' ? version : (reason ?? state)}${updateNeeded ? ' *' : ''}`;
    return Object.fromEntries((items as ComponentView[]).map((each) => [each.id, shown(each)]));
  }

  async function lines(downloadId: string, outcome: string): Promise<string[]> {
    const { items } = (await bench.api.get(`/api/v1/events?limit=500&outcome=${outcome}`)).body;
    return (items as { downloadId: string; component: string | null; text: { en: string } }[])
      .filter((line) => line.downloadId === downloadId && line.component === 'virus-pattern')
      .map(({ text }) => text.en);
  }

  /** What is said of no component, the latest first. */
  async function runLines(downloadId: string): Promise<string[]> {
    const { items } = (await bench.api.get('/api/v1/events?limit=500&outcome=failed')).body;
    return (items as { downloadId: string; component: string | null; text: { en: string } }[])
      .filter((line) => line.downloadId === downloadId && line.component === null)
      .map(({ text }) => text.en);
  }

  it('that brings news alone: what changed there is told, and nothing is said of what was not asked', async () => {
    const before = await available('global');
    japan.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    const news = { versionBefore: '17.241.80', versionAfter: '17.242.80' };
    expect(outcomeOf(download, 'virus-pattern')).toEqual({
      id: 'virus-pattern',
      outcome: 'updated',
      ...news,
      offered: '17.242.80',
      error: null,
    });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'unchanged', offered: '2469' });
    expect(await lines(download.id as string, 'updated')).toEqual([
      expect.stringMatching(/Virus Pattern \(japan channel\) 17\.242\.80/),
    ]);
    expect(await lines(download.id as string, 'unchanged')).toEqual([]);
    expect(await available('global')).toEqual(before);
  });

  it('that brings news beside the global one: the global one is told', async () => {
    bench.tree.publish(['virus-pattern']);
    japan.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({
      outcome: 'updated',
      versionBefore: '17.241.00',
      versionAfter: '17.242.00',
    });
    const told = await lines(download.id as string, 'updated');
    expect(told.sort()).toEqual([
      expect.stringContaining('Virus Pattern (global channel) 17.242.00'),
      expect.stringContaining('Virus Pattern (japan channel) 17.242.80'),
    ]);
  });

  it('that has a fault where the global one has news: both are told', async () => {
    bench.tree.publish(['virus-pattern']);
    japan.tree.publish(['virus-pattern']);
    japan.set(/vsapi\d+\.zip$/, { kind: 'corrupted' });
    const download = await bench.api.download();
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({
      outcome: 'failed',
      versionBefore: '17.241.80',
      versionAfter: '17.241.80',
    });
    expect(await lines(download.id as string, 'failed')).toEqual([
      expect.stringContaining('Virus Pattern (japan channel) could not be updated (zip-corrupt: '),
    ]);
    expect(await lines(download.id as string, 'updated')).toEqual([
      expect.stringContaining('Virus Pattern (global channel) 17.242.00'),
    ]);
  });

  it('that is the second in their order: the one that it stands in for is named with its channel', async () => {
    const sources = ['http://127.0.0.1:1/japan', `${japan.url}/japan`].map((url) => ({ url }));
    await bench.setting('update-source', { japanSources: sources });
    japan.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(await runLines(download.id as string)).toEqual([
      expect.stringContaining('the update source http://127.0.0.1:1/japan (japan channel) could not be used'),
    ]);
  });

  it('that has nothing new where the global one has: no update of japan is missing', async () => {
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await available('global'))['virus-pattern']).toBe('17.242.00');
    expect((await available('japan'))['virus-pattern']).toBe('17.241.80');
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      current: { version: '17.241.80' },
      available: { state: 'version', version: '17.241.80', rawVersion: '1724180' },
      updateNeeded: false,
    });
  });

  it('that no longer carries a component: it is so in the japan channel alone', async () => {
    const transform = (ini: Buffer): Buffer =>
      Buffer.from(ini.toString('latin1').replaceAll(/^P\.20000400[=.].*\r\n/gm, ''), 'latin1');
    japan.set(/server\.ini$/, { kind: 'transform', transform });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await available('japan'))['spyware-pattern']).toBe('not-in-manifest');
    expect((await available('global'))['spyware-pattern']).toBe('2469');
  });

  it('that fails: nothing is known of what is available there, until it can be read again', async () => {
    const [global, before] = [await available('global'), await available('japan')];
    const carried = Object.keys(before).filter((id) => before[id] !== 'no-manifest-entry');
    await japan.refuseConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    const failed = await available('japan');
    expect(new Set(carried.map((id) => failed[id]))).toEqual(new Set(['upstream-unreachable']));
    expect(await available('global')).toEqual(global);
    await japan.acceptConnections();
    // Its manifest is the same as before.
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(await available('japan')).toEqual(before);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged', components: [] });
  });

  it('and has a fault in one component: only there, and only of that', async () => {
    japan.tree.publish(['virus-pattern', 'spyware-pattern']);
    japan.set(/vsapi\d+\.zip$/, { kind: 'corrupted' });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    expect(await available('japan')).toMatchObject({ 'virus-pattern': 'zip-corrupt', 'spyware-pattern': '2471' });
    expect(await available('global')).toMatchObject({ 'virus-pattern': '17.241.00', 'spyware-pattern': '2469' });
  });

  it('while the global one fails: its news are published, global stays, and both are told', async () => {
    const before = await bench.served();
    await bench.upstream.refuseConnections();
    japan.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(download).toMatchObject({
      state: 'partial',
      source: bench.upstream.url,
      error: { code: 'upstream-unreachable', details: { channel: 'global' } },
    });
    expect(download.error.message).toMatch(/^The global channel's source could not be read: /);
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated', versionAfter: '17.242.80' });
    expect(await lines(download.id as string, 'updated')).toEqual([expect.stringContaining('17.242.80')]);
    expect(await runLines(download.id as string)).toEqual([
      expect.stringMatching(
        /^[^()]*global channel \(upstream-unreachable: The global channel's source could not be read: The upstream cannot [^()]*\)\. Every/,
      ),
    ]);
    const after = await bench.served();
    expect(after.global).toEqual(before.global);
    expect(after.japan.manifest).toContain('vsapi242.zip');
    expect((await available('global'))['virus-pattern']).toBe('upstream-unreachable');
    expect((await available('japan'))['virus-pattern']).toBe('17.242.80');

    await bench.upstream.acceptConnections();
    bench.tree.publish(['spyware-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', error: null });
    await bench.expectCurrent();
    expect((await bench.served()).japan).toEqual(after.japan);
  });

  it('while the global one fails: without news of its own nothing is published, and what it offers stays known', async () => {
    const before = await available('japan');
    await bench.upstream.refuseConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'partial', snapshotId: null, components: [] });
    expect((await available('global'))['virus-pattern']).toBe('upstream-unreachable');
    expect(await available('japan')).toEqual(before);
  });

  it('while the global one is left alone for a while: the schedule asks it all the same', async () => {
    bench.upstream.set(/server\.ini$/, { kind: 'status', status: 403 });
    expect(await bench.api.download()).toMatchObject({ state: 'partial', error: { code: 'upstream-refused' } });
    const asked = bench.upstream.requests.length;
    japan.tree.publish(['virus-pattern']);
    const quarter = new Date(Math.ceil(Date.now() / 900_000) * 900_000);
    const id = await bench.haishin.server.application()?.get(DownloadScheduler).tick(quarter);
    const download = await bench.api.ended(id ?? '');
    expect(download).toMatchObject({ state: 'partial', error: { code: 'upstream-cooling-down' } });
    expect(await runLines(download.id as string)).toEqual([
      expect.stringMatching(/^Scheduled update: the global channel's own update source was not asked/),
    ]);
    expect(bench.upstream.requests).toHaveLength(asked);
    expect((await bench.served()).japan.manifest).toContain('vsapi242.zip');
    // Why it asked for the pause is known already.
    expect((await available('global'))['virus-pattern']).toBe('upstream-refused');
  });

  it('while both fail: the download has failed, and says so of each', async () => {
    await bench.upstream.refuseConnections();
    japan.set(/server\.ini$/, { kind: 'html-page' });
    const download = await bench.api.download();
    expect(download).toMatchObject({
      state: 'failed',
      error: { code: 'upstream-unreachable', message: expect.stringContaining("japan channel's own source") as string },
    });
    expect(await runLines(download.id as string)).toEqual([
      expect.stringContaining('the japan channel'),
      expect.stringContaining('the global channel'),
    ]);
    expect((await available('global'))['virus-pattern']).toBe('upstream-unreachable');
    expect((await available('japan'))['virus-pattern']).toBe('upstream-unexpected-content');
  });

  it('while the global one fails that has nothing yet: nothing could stay, and nothing is published', async () => {
    await bench.close();
    bench = await MirrorBench.open();
    await bench.setting('update-source', { japanSources: [{ url: `${japan.url}/japan` }] });
    await bench.upstream.refuseConnections();
    expect(await bench.api.download()).toMatchObject({
      state: 'failed',
      snapshotId: null,
      error: { code: 'upstream-unreachable', details: { channel: 'global' } },
    });
  });

  it('and is given up: what the global one offers counts for both', async () => {
    await japan.refuseConnections();
    await bench.api.download();
    await bench.setting('update-source', { japanSources: [] });
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await available('japan')).toEqual(await available('global'));
    expect((await available('japan'))['virus-pattern']).toBe('17.242.00');
    // What is not known of the source of earlier days lets no download read more than it has to.
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged', components: [] });
  });

  it('of which an earlier version of the server kept nothing: the next download asks for it', async () => {
    const before = await available('japan');
    const rows = bench.haishin.server.application()?.get(DataSource);
    await rows?.query(`delete from component_availability where channel = 'japan'`);
    expect((await available('japan'))['virus-pattern']).toBe('never-checked');
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(await available('japan')).toEqual(before);
  });

  it('is counted by the preview of a selection', async () => {
    const { modes, source } = (await bench.api.get('/api/v1/settings/update-source/preview')).body;
    expect(source).toBe(bench.upstream.url);
    const served = Object.values(await bench.served()).flatMap(({ files }) => Object.values(files));
    expect(modes.all).toMatchObject({
      files: served.length,
      bytes: served.reduce((sum, { size }) => sum + size, 0),
      unsized: 0,
    });
  });
});
