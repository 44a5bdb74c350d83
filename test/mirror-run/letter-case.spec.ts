import { MirrorBench, outcomeOf } from './mirror-bench.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { compareManifests, fetchAsProduct } from '../support/reference-client.js';

const MANIFEST = /\/server\.ini$/;
const GONE = { kind: 'status', status: 404 } as const;

/** Lines of one file that differ in letter case, before the entry and in it, and in two sections. */
function spellTwice(upstream: FaultyUpstream): void {
  upstream.set(MANIFEST, {
    kind: 'transform',
    transform: (ini) =>
      Buffer.from(
        ini
          .toString('latin1')
          .replace(/^Path_VSAPI=pattern\/vsapi/m, 'Path_VSAPI=Pattern/VSAPI')
          .replace(/^(MergePath_VSAPI\.\d+=pattern\/)v_/gm, '$1V_')
          .replace(
            /^\[Info_603_20000_1_1\]\r\n(?:.*\r\n)*?Path=/m,
            (text) => `${text}Product/enu/SAMPLETool.zip,${sizeOf(ini)}`,
          ),
        'latin1',
      ),
  });
}

function sizeOf(ini: Buffer): string {
  return /SampleTool\.zip,(\d+)/.exec(ini.toString('latin1'))?.[1] ?? '';
}

describe('a file that the manifest spells in two letter cases', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    spellTwice(bench.upstream);
  });
  afterEach(() => bench.close());

  // The sample upstream itself does not tell cases apart.
  it.each([
    ['its entry', /\/(Pattern\/VSAPI|pattern\/V_|Product\/enu)/],
    ['another line', /\/(pattern\/(vsapi|v_)|product\/enu\/SampleTool\.)/],
  ])('is had from a source that has it as %s spells it', async (_, missing) => {
    bench.upstream.set(missing, GONE);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(download.progress.filesDone).toBe(download.progress.filesTotal);
    bench.upstream.clear();
    spellTwice(bench.upstream);
    const theirs = await fetchAsProduct(bench.upstream.url);
    const [global, japan] = await Promise.all(
      ['', '/japan'].map((channel) => fetchAsProduct(`${bench.haishin.http}/activeupdate${channel}`)),
    );
    expect(global?.problems).toEqual([]);
    expect(japan?.problems).toEqual([]);
    expect(compareManifests(theirs.manifest, global?.manifest ?? Buffer.alloc(0))).toEqual([]);
    expect(global?.files).toEqual(theirs.files);
    expect(japan?.files).toEqual(theirs.files);
    const text = global?.manifest.toString('latin1');
    expect(text).toMatch(/^Path_VSAPI=Pattern\/VSAPI241\.zip, /m);
    expect(text).toMatch(/^P\.4=pattern\/vsapi241\.zip, /m);
    for (const path of ['Pattern/VSAPI241.zip', 'pattern/vsapi241.zip', 'Pattern/VSAPI241.sig', 'pattern/vsapi241.sig'])
      expect((await fetch(`${bench.haishin.http}/activeupdate/${path}`)).status).toBe(200);

    bench.upstream.set(missing, GONE);
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('fails under the name that the entry has for it when there is none', async () => {
    bench.upstream.set(/\/vsapi241\.zip$/i, GONE);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    const { error } = outcomeOf(download, 'virus-pattern');
    expect(error).toMatchObject({
      code: 'upstream-not-found',
      message: expect.stringContaining('pattern/vsapi241.zip'),
    });
  });

  it('is had from a stand-in, too', async () => {
    const other = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }) });
    try {
      spellTwice(other);
      bench.upstream.set(/\/vsapi241\.zip$/i, GONE);
      other.set(/\/(pattern\/(vsapi|v_))/, GONE);
      await bench.setting('update-source', { sources: [{ url: bench.upstream.url }, { url: other.url }] });
      const download = await bench.api.download();
      expect(download).toMatchObject({ state: 'succeeded' });
      expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated', source: other.url });
    } finally {
      await other.close();
    }
  });
});
