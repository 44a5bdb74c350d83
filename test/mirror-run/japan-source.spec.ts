import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
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
    expect(await lines(download.id as string, 'updated')).toEqual([expect.stringContaining('17.242.80')]);
    expect(await lines(download.id as string, 'unchanged')).toEqual([]);
    expect(await available('global')).toEqual(before);
  });

  it('that brings news beside the global one: the global one is told', async () => {
    bench.tree.publish(['virus-pattern']);
    japan.tree.publish(['virus-pattern']);
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({
      outcome: 'updated',
      versionBefore: '17.241.00',
      versionAfter: '17.242.00',
    });
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
    expect(await lines(download.id as string, 'failed')).toHaveLength(1);
    expect(await lines(download.id as string, 'updated')).toEqual([expect.stringContaining('17.242.00')]);
  });
});
