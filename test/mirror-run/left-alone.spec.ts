import { MirrorBench, outcomeOf, filesLike } from './mirror-bench.js';

const SPYWARE = /ssaptn/;
const withoutSpyware = (manifest: Buffer): Buffer =>
  Buffer.from(manifest.toString('latin1').replace(/^.*(P\.20000400|ssaptn).*\r?\n/gm, ''), 'latin1');

describe('a component that the source has dropped', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.set(/\/server\.ini$/, { kind: 'transform', transform: withoutSpyware });
  });
  afterEach(() => bench.close());

  it('stays in a download that names others, and goes with one of everything', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    const named = await bench.api.download(['virus-pattern']);
    expect(outcomeOf(named, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    expect(outcomeOf(named, 'spyware-pattern')).toMatchObject({ outcome: 'left-out', versionAfter: '2469' });
    const after = await bench.served();
    for (const channel of ['global', 'japan'] as const) {
      expect(filesLike(before[channel], SPYWARE)).not.toEqual({});
      expect(filesLike(after[channel], SPYWARE)).toEqual(filesLike(before[channel], SPYWARE));
      expect(after[channel].manifest).toMatch(/^P\.20000400=/m);
    }
    expect(await bench.api.component('spyware-pattern')).toMatchObject({ available: { state: 'not-carried' } });

    const all = await bench.api.download();
    expect(outcomeOf(all, 'spyware-pattern')).toMatchObject({ outcome: 'not-carried', versionAfter: null });
    expect(filesLike((await bench.served()).global, SPYWARE)).toEqual({});
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });
});
