import { ManualClock } from '../../src/platform/clock/clock.js';
import { filesLike, MirrorBench, outcomeOf } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;

describe('an upstream that publishes while it is read', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  it('once: the run starts over and ends with the newer release', async () => {
    bench.tree.publish(['virus-pattern']);
    const publishAgain = (): void => void bench.tree.publish(['virus-pattern', 'virus-scan-engine']);
    bench.upstream.set(/\/vsapi\d+\.sig$/, { kind: 'before-answer', run: publishAgain }, { times: 1 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('once, and the files of the manifest in hand are gone: the run starts over as well', async () => {
    bench.tree.publish(['virus-pattern']);
    const publishAgain = (): void => void bench.tree.publish(['virus-pattern']);
    bench.upstream.set(/\/vsapi\d+\.zip$/, { kind: 'before-answer', run: publishAgain }, { times: 1 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('for ever: publishing, nothing is published here, and it is over when it stops', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    const publish = (): void => void bench.tree.publish(['antispam-pattern']);
    bench.upstream.set(MANIFEST, { kind: 'before-answer', run: publish });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'failed', error: { code: 'upstream-publishing' }, snapshotId: null });
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'upstream-publishing' },
    });
    expect(await bench.served()).toEqual(before);
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('step by step, as a vendor does: never a release without its signatures', async () => {
    const before = await bench.served();
    const steps = bench.tree.publishSlowly(['virus-pattern', 'spyware-pattern']);
    steps.next();
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    steps.next();
    const download = await bench.api.download();
    for (const id of ['virus-pattern', 'spyware-pattern'])
      expect(outcomeOf(download, id)).toMatchObject({ outcome: 'failed', error: { code: 'upstream-publishing' } });
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'upstream-publishing' },
    });
    steps.next();
    // The manifest is the same as a moment ago; only the signatures are new.
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  const brokenOff: [string, (ini: string) => string][] = [
    ['in the middle of a line', (ini) => ini.slice(0, ini.indexOf('[ENGINE]') - 40)],
    ['between two sections', (ini) => ini.slice(0, ini.indexOf('[ENGINE]'))],
    ['in its last section', (ini) => ini.slice(0, -9)],
  ];

  it.each(brokenOff)(
    'a manifest that breaks off %s, with a length that agrees: nothing is lost by it',
    async (_, cut) => {
      const before = await bench.served();
      bench.tree.publish(['virus-pattern']);
      const transform = (ini: Buffer): Buffer => Buffer.from(cut(ini.toString('latin1')), 'latin1');
      bench.upstream.set(MANIFEST, { kind: 'transform', transform });
      const download = await bench.api.download();
      expect(download).toMatchObject({ state: 'failed', error: { code: 'upstream-publishing' }, snapshotId: null });
      expect(await bench.served()).toEqual(before);
      const [state] = (await bench.api.get('/api/v1/settings/update-source/state')).body.items;
      expect(Object.keys(state.lastError as object)).toEqual(['code', 'message', 'text']);
      bench.upstream.clear();
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      await bench.expectCurrent();
    },
  );

  it('a manifest that says the same twice, however short, is what the source means', async () => {
    const transform = (ini: Buffer): Buffer => ini.subarray(0, ini.indexOf('[ENGINE]'));
    bench.upstream.set(MANIFEST, { kind: 'transform', transform });
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-publishing' } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global.manifest).not.toContain('[ENGINE]');
    expect(await bench.api.component('virus-scan-engine')).toMatchObject({ available: { state: 'not-carried' } });
  });

  const doubted = { state: 'failed', error: { code: 'upstream-publishing' } };

  let edition = 0;
  /** Says something else each time, and always breaks off at the same place. */
  function breakOffAnew(): void {
    const transform = (ini: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`; edition ${++edition}\r\n`), ini.subarray(0, ini.indexOf('[ENGINE]'))]);
    bench.upstream.set(MANIFEST, { kind: 'transform', transform });
  }

  it('a manifest that goes on changing, but breaks off alike for an hour, is what the source means', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    breakOffAnew();
    expect(await bench.api.download()).toMatchObject(doubted);
    clock.advance(30 * 60_000);
    bench.upstream.set(MANIFEST, { kind: 'status', status: 500 });
    expect(await bench.api.download()).toMatchObject({ error: { code: 'upstream-http-status' } });
    bench.upstream.clear();
    breakOffAnew();
    expect(await bench.api.download()).toMatchObject(doubted);
    clock.advance(31 * 60_000);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await bench.api.component('virus-scan-engine')).toMatchObject({ available: { state: 'not-carried' } });
  });

  it('a manifest that was whole in between ends the doubt', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    breakOffAnew();
    expect(await bench.api.download()).toMatchObject(doubted);
    bench.upstream.clear();
    clock.advance(15 * 60_000);
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'status', status: 429, headers: { 'Retry-After': '60' } });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    bench.upstream.clear();
    clock.advance(60 * 60_000);
    breakOffAnew();
    expect(await bench.api.download()).toMatchObject(doubted);
  });

  it('one signature that is missing holds back its component alone', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(/\/v_\d+\.sig$/, { kind: 'status', status: 404 }, { times: 1 });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ error: { code: 'upstream-publishing' } });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    const after = await bench.served();
    expect(filesLike(after.global, /vsapi|\/v_/)).toEqual(filesLike(before.global, /vsapi|\/v_/));
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});

describe('signatures that upstream never had', () => {
  let bench: MirrorBench;
  const unsigned = /\/(vsapi\d+|v_\d+)\.sig$/;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    bench.upstream.set(unsigned, { kind: 'status', status: 404 });
  });
  afterEach(() => bench.close());

  it('do not hold anything up, and are looked for again for an hour, and when the manifest changes', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global.files['pattern/vsapi241.zip']?.sig).toBeUndefined();

    const answers = async (): Promise<string[]> => {
      bench.upstream.requests.length = 0;
      expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
      return bench.upstream.requests.map(({ path, status }) => `${status} ${path.replace(/\d+/, '#')}`);
    };
    const again = [
      '304 /activeupdate/server.ini',
      '404 /activeupdate/pattern/v_#.sig',
      '404 /activeupdate/pattern/vsapi#.sig',
    ];
    expect([...new Set((await answers()).sort())]).toEqual(again);
    clock.advance(61 * 60_000);
    expect(await answers()).toEqual(again.slice(0, 1));

    bench.upstream.clear();
    bench.tree.publish(['virus-scan-engine']);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global.files['pattern/vsapi241.zip']?.sig).toBeDefined();
    // The pattern itself was not fetched again for it, only asked for: its signature is new.
    expect(bench.upstream.requested(/vsapi241\.zip$/).map(({ status }) => status)).toEqual([304]);
    await bench.expectCurrent();
  });

  it('of some files only, and of others from release to release, hold nothing up', async () => {
    bench.upstream.clear();
    bench.upstream.set(/\/v_\d*[13]\.sig$/, { kind: 'status', status: 404 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.set(/\/v_\d*[13]\.sig$/, { kind: 'status', status: 200 }, { times: 0 });
    bench.upstream.set(/\/v_\d*[02]\.sig$/, { kind: 'status', status: 404 });
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a fault while they are looked for is made up for, although the manifest stays', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.clear();
    bench.upstream.set(unsigned, { kind: 'status', status: 403 });
    bench.tree.publish(['virus-scan-engine']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
