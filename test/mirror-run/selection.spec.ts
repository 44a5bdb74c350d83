import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { MirrorBench, outcomeOf, filesLike } from './mirror-bench.js';

const PREVIEW = '/api/v1/settings/update-source/preview';

describe('what is mirrored', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
  });
  afterEach(() => bench.close());

  it('each selection means what its preview said, in files and bytes', async () => {
    const { modes, source } = (await bench.api.get(`${PREVIEW}?components=virus-pattern,spyware-pattern`)).body;
    expect(source).toBe(bench.upstream.url);
    for (const [mode, components] of [
      ['all', []],
      ['catalogue', []],
      ['selected', ['virus-pattern', 'spyware-pattern']],
    ] as const) {
      await bench.setting('update-source', { selection: { mode, components } });
      expect(['succeeded', 'partial']).toContain((await bench.api.download()).state);
      const { global } = await bench.served();
      const sizes = Object.values(global.files).map(({ size }) => size);
      expect({ files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0), unsized: 0 }).toEqual({
        files: modes[mode].files,
        bytes: modes[mode].bytes,
        unsized: modes[mode].unsized,
      });
    }
    expect(modes.all.files).toBeGreaterThan(modes.catalogue.files as number);
    expect(modes.catalogue.bytes).toBeGreaterThan(modes.selected.bytes as number);
  });

  it('the preview asks the source once before the first download, and nobody after it', async () => {
    const first = (await bench.api.get(PREVIEW)).body;
    expect(bench.upstream.requests.map(({ path }) => path)).toEqual(['/activeupdate/server.ini']);
    expect((await bench.api.get('/api/v1/channels')).body.items[0].snapshotId).toBeNull();
    await bench.api.download();
    const asked = bench.upstream.requests.length;
    const second = (await bench.api.get(PREVIEW)).body;
    expect(second.modes).toEqual(first.modes);
    expect(bench.upstream.requests).toHaveLength(asked);
    expect(await bench.api.get(`${PREVIEW}?components=absent`)).toMatchObject({
      status: 404,
      body: { code: 'component-unknown' },
    });
  });

  it('a preview of a source that cannot be reached says so', async () => {
    await bench.upstream.refuseConnections();
    expect(await bench.api.get(PREVIEW)).toMatchObject({ status: 502, body: { code: 'upstream-unreachable' } });
  });

  it('"catalogue" leaves out what no component claims; going back to "all" brings it', async () => {
    await bench.setting('update-source', { selection: { mode: 'catalogue', components: [] } });
    await bench.api.download();
    const { global } = await bench.served();
    expect(global.manifest).not.toMatch(/^P\.800[.=]|tmgd|SampleTool/m);
    expect(global.manifest).toMatch(/^P\.4\.MergeCount=14/m);
    await bench.setting('update-source', { selection: { mode: 'all', components: [] } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    // What was held already was not fetched again.
    expect(bench.upstream.requested(/vsapi241\.zip$/)).toHaveLength(1);
    await bench.expectCurrent();
  });

  it('a component that is not selected is said to be so, and what the source offers is known', async () => {
    await bench.setting('update-source', { selection: { mode: 'selected', components: ['virus-pattern'] } });
    const download = await bench.api.download();
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'not-selected', offered: '2469' });
    expect(await bench.api.component('spyware-pattern')).toMatchObject({
      current: null,
      available: { state: 'version', version: '2469' },
      selected: false,
      updateNeeded: false,
    });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ selected: true, updateNeeded: false });
    expect(
      await bench.api.post('/api/v1/downloads', { components: ['virus-pattern', 'spyware-pattern'] }),
    ).toMatchObject({
      status: 422,
      body: { code: 'component-not-selected', component: 'spyware-pattern' },
    });
    expect((await bench.api.get('/api/v1/downloads')).body.items).toHaveLength(1);
    // Selected again, it may be had.
    await bench.setting('update-source', { selection: { mode: 'all', components: [] } });
    expect(await bench.api.component('spyware-pattern')).toMatchObject({ selected: true, updateNeeded: true });
    expect(await bench.api.download(['spyware-pattern'])).toMatchObject({ state: 'succeeded' });
  });

  it('a download of chosen components brings those and leaves the rest', async () => {
    await bench.api.download();
    const before = await bench.served();
    bench.tree.publish();
    const download = await bench.api.download(['spyware-pattern']);
    expect(download).toMatchObject({ state: 'succeeded', requested: ['spyware-pattern'] });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'left-out' });
    const after = await bench.served();
    expect(filesLike(after.global, /vsapi|\/v_|tsc/)).toEqual(filesLike(before.global, /vsapi|\/v_|tsc/));
    expect(Object.keys(filesLike(after.global, /ssaptn2471\.zip/))).toHaveLength(1);
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      available: { state: 'version', version: '17.242.00' },
      updateNeeded: true,
    });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a name that never changes: its content, and its signature, are fetched anew with each version', async () => {
    await bench.api.download();
    const before = (await bench.served()).global.files['pattern/tmgd.zip'];
    bench.tree.publish(['P.48040241']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const after = (await bench.served()).global.files['pattern/tmgd.zip'];
    expect(after?.sha256).not.toBe(before?.sha256);
    expect(after?.sig?.sha256).not.toBe(before?.sig?.sha256);
    await bench.expectCurrent();
  });

  it('a file that is no ZIP is taken as it is, and one that should be is checked', async () => {
    bench.upstream.set(/rr_1\.10739\.00$/, { kind: 'corrupted' }, { times: 1 });
    // Nothing but its size is known of a raw file: wrong bytes of the right size cannot be told.
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.tree.publish(['virus-pattern', 'intellitrap-pattern']);
    bench.upstream.set(/tmblack\d+\.zip$/, {
      kind: 'transform',
      transform: (content) => Buffer.alloc(content.length, 0x41),
    });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'intellitrap-pattern').error.code).toMatch(/^zip-/);
  });

  it('letter case of paths does not matter, neither to the source nor to who asks us', async () => {
    await bench.api.download();
    const shouted = await fetch(`${bench.haishin.http}/ACTIVEUPDATE/PATTERN/TMWHITE1200025.ZIP`);
    const asSpelled = await fetch(`${bench.haishin.http}/activeupdate/Pattern/TMWhite1200025.zip`);
    expect(shouted.status).toBe(200);
    expect(shouted.headers.get('etag')).toBe(asSpelled.headers.get('etag'));
  });
});

it('an update reads no unchanged file again, and a restart forgets nothing', async () => {
  const bench = await MirrorBench.open({ tree: new SampleTree({ scale: 0.0005 }) });
  try {
    await bench.api.download();
    await bench.restart();
    const asked = bench.upstream.requests.length;
    bench.tree.publish(['spyware-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const since = bench.upstream.requests.slice(asked).map(({ path }) => path);
    expect(since.filter((path) => !/server\.ini$|ssaptn/.test(path))).toEqual([]);
    await bench.expectCurrent();
  } finally {
    await bench.close();
  }
});
