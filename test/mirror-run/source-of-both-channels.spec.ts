import { ManualClock } from '../../src/platform/clock/clock.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { uploadTo } from '../support/upload.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

describe('a source that both channels have', () => {
  let bench: MirrorBench;
  let ownJapan: FaultyUpstream;
  beforeEach(async () => {
    ownJapan = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }) });
    bench = await MirrorBench.open();
    await bench.setting('update-source', { japanSources: [{ url: ownJapan.url }, { url: bench.upstream.url }] });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(async () => {
    await bench.close();
    await ownJapan.close();
  });

  it('is read for the one although it is done with for the other', async () => {
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).japan.manifest).toContain('vsapi241.zip');
    await ownJapan.refuseConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).japan.manifest).toContain('vsapi242.zip');
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    await bench.expectCurrent();
  });

  it('is known to have stopped signing what one of them alone would take from it', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    await bench.setting('update-source', { japanSources: [{ url: bench.upstream.url }] });
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    const newer = { file: { name: 'vsapi303.bin', content: 'newer' }, version: '17.303.80', signature: 's' };
    expect(await uploadTo(bench.haishin, 'virus-pattern', newer)).toMatchObject({ status: 201 });
    bench.upstream.set(/\/(vsapi\d+|v_\d+)\.sig$/, { kind: 'status', status: 404 });
    for (const [hours, code] of [
      [0, 'upstream-publishing'],
      [23, 'upstream-publishing'],
      [1, 'signatures-gone'],
    ] as const) {
      clock.advance(hours * 3_600_000);
      bench.tree.publish(['virus-pattern']);
      const download = await bench.api.download();
      expect([hours, outcomeOf(download, 'virus-pattern')]).toMatchObject([hours, { error: { code } }]);
    }
  });
});
