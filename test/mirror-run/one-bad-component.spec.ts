import { IMPATIENT, MirrorBench, outcomeOf } from './mirror-bench.js';

const STATE = '/api/v1/settings/update-source/state';
/** Of an entry that no component claims: its archive, its increments, their signatures. */
const BAD = /\/tscx?(_|\d)/;
/** Asked for first. */
const LARGEST = /\/(vsapi\d|v_\d)/;
const COMPONENTS = ['virus-pattern', 'spyware-pattern', 'virus-scan-engine'];

describe('one component that cannot be had', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ limits: { ...IMPATIENT, longestPauseMs: 1500 } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.tree.publish(['P.800', ...COMPONENTS]);
    bench.upstream.requests.length = 0;
  });
  afterEach(() => bench.close());

  async function downloadWithout(code: string, bad = 'P.800'): Promise<void> {
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, bad)).toMatchObject({ outcome: 'failed', error: { code } });
    // An entry that no component claims is named only when it failed.
    for (const id of COMPONENTS.filter((each) => each !== bad))
      expect(outcomeOf(download, id)).toMatchObject({ outcome: 'updated', error: null });
    expect(download.components.filter(({ error }: { error: object | null }) => error !== null)).toHaveLength(1);
    await bench.served();
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  }

  it.each(['1', '3000'])('because it asks to come back in %s s, goes without the others', async (seconds) => {
    bench.upstream.set(BAD, { kind: 'status', status: 503, headers: { 'Retry-After': seconds } });
    await downloadWithout('upstream-busy');
  });

  it('at once because it asks for a second is waited for', async () => {
    bench.upstream.set(BAD, { kind: 'status', status: 503, headers: { 'Retry-After': '1' } }, { times: 1 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('does not keep the schedule away for longer than half an hour', async () => {
    bench.upstream.set(BAD, { kind: 'status', status: 503, headers: { 'Retry-After': '86400' } });
    const began = Date.now();
    await bench.api.download();
    const [{ coolDownUntil, coolDownReason }] = (await bench.api.get(STATE)).body.items;
    expect(coolDownReason).toBe('upstream-busy');
    const minutes = (Date.parse(coolDownUntil as string) - began) / 60_000;
    expect(minutes).toBeGreaterThanOrEqual(30);
    expect(minutes).toBeLessThan(32);
  });

  it('because all its files hang, goes without the others', async () => {
    await bench.setting('update-source', { parallel: 2 });
    bench.upstream.set(LARGEST, { kind: 'hang-before-headers' });
    await downloadWithout('upstream-timeout', 'virus-pattern');
  });

  it('does not take all parallel transfers while others wait', async () => {
    await bench.setting('update-source', { parallel: 2 });
    bench.upstream.set(LARGEST, { kind: 'hang-before-headers' });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    const asked = bench.upstream.requested(/\.(zip|sig|\d+)$/).map(({ path }) => path);
    const again = asked.findIndex((path, at) => LARGEST.test(path) && asked.indexOf(path) < at);
    // Before the first silence was over.
    expect(asked.slice(0, again).filter((path) => !LARGEST.test(path))).not.toEqual([]);
  });

  it('is something else than a source that asks two of them to come back later: that is left alone', async () => {
    bench.upstream.set(/\/(tsc|vsapi|ssaptn)/, { kind: 'status', status: 503, headers: { 'Retry-After': '7200' } });
    const began = Date.now();
    expect(await bench.api.download()).toMatchObject({ state: expect.stringMatching(/failed|partial/) as string });
    const asked = bench.upstream.requested(/\/(tsc|vsapi|ssaptn)/);
    expect(asked.length).toBeLessThanOrEqual(8);
    const [{ coolDownUntil }] = (await bench.api.get(STATE)).body.items;
    expect(Date.parse(coolDownUntil as string) - began).toBeGreaterThanOrEqual(7200_000);
  });
});
