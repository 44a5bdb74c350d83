import { AddedTree } from '../support/added-tree.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;

describe('an entry that fits nowhere', () => {
  let bench: MirrorBench;
  let tree: AddedTree;

  beforeAll(async () => {
    tree = new AddedTree({ scale: 0.0005 });
    bench = await MirrorBench.open({ tree });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => bench.close());
  afterEach(async () => {
    bench.upstream.clear();
    tree.added.clear();
    expect(['succeeded', 'unchanged']).toContain((await bench.api.download()).state);
    await bench.expectCurrent();
  });

  /** Lines, or a section, before [ENGINE]: at the end it would seem to break off when it goes. */
  function add(...lines: string[]): void {
    const text = [...lines, '', '[ENGINE]'].join('\r\n');
    bench.upstream.set(MANIFEST, {
      kind: 'transform',
      transform: (ini) => Buffer.from(ini.toString('latin1').replace('[ENGINE]', text), 'latin1'),
    });
  }

  /** The rest is published, and each of the entries has its reason. */
  async function expectPartial(reasons: Record<string, string>): Promise<string> {
    bench.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    for (const [id, code] of Object.entries(reasons))
      expect(outcomeOf(download, id)).toMatchObject({ outcome: 'failed', error: { code } });
    return (await bench.served()).global.manifest;
  }

  it('with a folder where the signature of another is', async () => {
    for (const path of ['pattern/q.bin', 'pattern/q.sig', 'pattern/q.sig/z.bin']) tree.added.set(path, path);
    add('P.900=pattern/q.bin, 1, 13', 'P.901=pattern/q.sig/z.bin, 1, 19');
    expect(await expectPartial({ 'P.900': 'path-conflict', 'P.901': 'path-conflict' })).not.toMatch(/^P\.90/m);
  });

  it('with a folder where another keeps its earlier file', async () => {
    tree.added.set('pattern/k', 'earlier');
    add('P.900=pattern/k, 1, 7');
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    tree.added.set('pattern/k/z.bin', 'newcomer');
    add('P.900=pattern/none, 2, 12', 'P.901=pattern/k/z.bin, 1, 8');
    const manifest = await expectPartial({ 'P.900': 'upstream-not-found', 'P.901': 'path-conflict' });
    expect(manifest).toMatch(/^P\.900=pattern\/k, 1, 7\r$/m);
    expect(manifest).not.toContain('P.901');
  });

  it('with a file where the signature of another comes with other bytes', async () => {
    tree.added.set('pattern/q.bin', 'data');
    tree.added.set('pattern/q.sig', 'earlier');
    add('P.900=pattern/q.sig, 1, 7', 'P.901=pattern/q.bin, 1, 4');
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    tree.added.set('pattern/q.sig', 'signature of another length');
    tree.added.set('pattern/q.bin', 'more data');
    add('P.900=pattern/q.sig, 1, 7', 'P.901=pattern/q.bin, 2, 9');
    bench.tree.publish(['virus-pattern']);
    // What the manifest says of a file counts.
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.served();
  });

  it.each([
    ['an entry', 'P.9\u00000=pattern/nul.bin, 1, 3', 'P.9%000'],
    ['a product', '[Info_6\u00002]\r\nVersion=6\u0000\r\nPath=product/nul.bin,3', 'Info_6%002'],
    ['a section that nobody knows', '[Wei\u0000rd]\r\nPath=product/nul.bin,3', '[Wei%00rd]'],
  ])('with a NUL in the name of %s', async (_, lines, id) => {
    add(lines);
    expect(await expectPartial({ [id]: 'entry-malformed' })).not.toMatch(/nul\.bin/);
  });

  it('in thousands: each has its line in the outcome and in the update log', async () => {
    // With eleven columns each, more than one statement can have parameters.
    const ids = Array.from({ length: 6100 }, (_, at) => `P.${(0x100000 + at).toString(16)}`);
    add(...ids.map((id, at) => `${id}=pattern/many/${at}.bin, ${at + 1}, 7`));
    await expectPartial({
      [ids[0]!.toUpperCase()]: 'upstream-not-found',
      [ids.at(-1)!.toUpperCase()]: 'upstream-not-found',
    });
    const { items } = (await bench.api.get('/api/v1/events?limit=500')).body;
    expect(items).toHaveLength(500);
    expect(items[0]).toMatchObject({ component: ids.at(-1)!.toUpperCase(), outcome: 'failed' });
  });
});
