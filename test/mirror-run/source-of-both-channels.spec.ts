import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { MirrorBench } from './mirror-bench.js';

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
});
