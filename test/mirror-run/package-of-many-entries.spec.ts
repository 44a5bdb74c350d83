import { MirrorBench } from './mirror-bench.js';

const PACKAGE = /product\/enu\/[^/]*\.zip$/;

/** The same package for further languages and platforms; one of them says another version. */
function forFurtherProducts(manifest: Buffer): Buffer {
  const text = manifest.toString('latin1');
  const section = /\[Info_602_10000_1_1\]\r\n(?:[^[]*\r\n)*/.exec(text)?.[0] ?? '';
  const twins = ['2_1', '3_1', '4_1', '5_1'].map((platform, at) => {
    const twin = section.replace('_1_1]', `_${platform}]`).trimEnd();
    return `\r\n\r\n${at === 0 ? twin.replace('Build=3011', 'Build=3012') : twin}`;
  });
  return Buffer.from(`${text.trimEnd()}${twins.join('')}\r\n`, 'latin1');
}

describe('a package that several entries name', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    bench.upstream.set(/\/server\.ini$/, { kind: 'transform', transform: forFurtherProducts });
  });
  afterEach(() => bench.close());

  const packages = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { path } of bench.upstream.requested(PACKAGE)) counts[path] = (counts[path] ?? 0) + 1;
    return counts;
  };

  it('is fetched once, and counted once', async () => {
    const { state, progress } = await bench.api.download();
    expect(state).toBe('succeeded');
    expect(Object.keys(packages())).not.toEqual([]);
    expect(new Set(Object.values(packages()))).toEqual(new Set([1]));
    expect(progress).toMatchObject({
      filesTotal: progress.filesDone as number,
      bytesTotal: progress.bytesDone as number,
    });
    await bench.expectCurrent();
    expect((await bench.served()).global.manifest).toContain('[Info_602_10000_5_1]');
  });

  it('and that cannot be had is not asked for once more by each of them', async () => {
    bench.upstream.set(/Tool\.zip$/, { kind: 'html-page' });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    expect(bench.upstream.requested(/Tool\.zip$/)).toHaveLength(1);
    bench.upstream.set(/Tool\.zip$/, { kind: 'html-page' }, { times: 0 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
