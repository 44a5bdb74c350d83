import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { startSampleUpstream } from '../src/sample-upstream/sample-server.js';
import { startHaishin, type TestHaishin } from './support/haishin.js';
import { checkConsistency, compareManifests, fetchAsProduct } from './support/reference-client.js';

describe('a first mirror', () => {
  let upstream: Awaited<ReturnType<typeof startSampleUpstream>>;
  let haishin: TestHaishin;

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.01 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url });
  });

  afterAll(async () => {
    await haishin.dispose();
    await upstream.close();
  });

  it('serves the upstream byte for byte, with its manifest line by line', async () => {
    const download = await haishin.api.download();
    expect(download).toMatchObject({ state: 'succeeded', error: null });
    const theirs = await fetchAsProduct(upstream.url);
    const ours = await fetchAsProduct(`${haishin.http}/activeupdate`);
    expect(ours.problems).toEqual([]);
    expect([...ours.files].sort()).toEqual([...theirs.files].sort());
    expect(compareManifests(theirs.manifest, ours.manifest)).toEqual([]);
    expect(checkConsistency(ours.manifest, ours.files)).toEqual([]);
    expect(ours.manifest.toString('latin1')).not.toContain('127.0.0.1');
  });

  it('asks once and writes nothing when nothing is new', async () => {
    await haishin.api.download();
    const before = upstream.requests.length;
    const again = await haishin.api.download();
    expect(again.state).toBe('unchanged');
    expect(upstream.requests.slice(before)).toHaveLength(1);
    expect(upstream.requests.at(-1)).toMatchObject({ status: 304 });
  });

  it('publishes the Japan variant of the virus pattern from the same files', async () => {
    const ours = await fetchAsProduct(`${haishin.http}/activeupdate/japan`);
    const text = ours.manifest.toString('latin1');
    expect(ours.problems).toEqual([]);
    expect(text).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724180, /m);
    expect(checkConsistency(ours.manifest, ours.files)).toEqual([]);
  });
});
