import { MirrorBench, outcomeOf } from '../mirror-run/mirror-bench.js';

const PATTERN = '/api/v1/components/virus-pattern';

describe('a rollback of one channel only', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    await bench.api.download();
    bench.tree.publish(['virus-pattern']);
    await bench.api.download();
    const { items } = (await bench.api.get('/api/v1/releases?component=virus-pattern')).body;
    const wanted = (items as { id: string; version: string }[]).find(({ version }) => version === '17.241.80');
    expect(await bench.api.post(`${PATTERN}/rollback`, { releaseId: wanted?.id })).toMatchObject({
      status: 200,
      body: { channels: { global: { version: '17.242.00' }, japan: { version: '17.241.80' } } },
    });
    // The global channel has all that the source has: nothing is left to do for this manifest.
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({ outcome: 'held' });
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });
  afterEach(() => bench.close());

  const versions = async (): Promise<unknown> => {
    const { rolledBack, channels } = await bench.api.component('virus-pattern');
    return { rolledBack, global: channels.global.version, japan: channels.japan.version };
  };
  const NEWEST = { rolledBack: false, global: '17.242.00', japan: '17.242.80' };

  it('ends with the next download after it was resumed, although the manifest is the same', async () => {
    await bench.api.post(`${PATTERN}/resume`);
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    expect(await versions()).toEqual(NEWEST);
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toMatchObject([{ status: 304 }]);
  });

  it('ends with a download that names the component, although the manifest is the same', async () => {
    expect(outcomeOf(await bench.api.download(['virus-pattern']), 'virus-pattern')).toMatchObject({
      outcome: 'updated',
      versionAfter: '17.242.80',
    });
    expect(await versions()).toEqual(NEWEST);
    // What names another component leaves it alone.
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toMatchObject([{ status: 304 }]);
  });
});
