import { MirrorBench } from '../mirror-run/mirror-bench.js';
import { AddedTree } from '../support/added-tree.js';

const MANIFEST = /\/server\.ini$/;

describe('a rollback to a release that has a file where something else has a folder now, or the other way round', () => {
  let bench: MirrorBench;
  let tree: AddedTree;

  beforeEach(async () => {
    tree = new AddedTree({ scale: 0.0005 });
    bench = await MirrorBench.open({ tree });
    for (const [id, entry] of [
      ['one', 'P.900'],
      ['two', 'P.901'],
    ] as const)
      await bench.api.post('/api/v1/components', {
        id,
        names: { ja: id, en: id },
        kind: 'pattern',
        numbering: 'integer',
        entries: [entry],
      });
  });
  afterEach(() => bench.close());

  async function publish(files: Record<string, string>, ...lines: string[]): Promise<void> {
    for (const [path, content] of Object.entries(files)) tree.added.set(path, content);
    const text = [...lines, '', '[ENGINE]'].join('\r\n');
    bench.upstream.set(MANIFEST, {
      kind: 'transform',
      transform: (ini) => Buffer.from(ini.toString('latin1').replace('[ENGINE]', text), 'latin1'),
    });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  }

  async function expectRefused(id: string, details: Record<string, unknown>): Promise<void> {
    const before = await bench.served();
    expect(await bench.api.post(`/api/v1/components/${id}/rollback`)).toMatchObject({
      status: 409,
      body: { code: 'rollback-path-conflict', component: id, ...details },
    });
    expect(await bench.served()).toEqual(before);
    expect((await bench.api.get(`/api/v1/components/${id}`)).body).toMatchObject({ rolledBack: false });
  }

  it('is refused when the file comes back, unless the other goes back first', async () => {
    await publish({ 'pattern/k': 'one 1', 'pattern/t': 'two 1' }, 'P.900=pattern/k, 1, 5', 'P.901=pattern/t, 1, 5');
    tree.added.delete('pattern/k');
    await publish({ 'pattern/m': 'one 2', 'pattern/k/z': 'two 2' }, 'P.900=pattern/m, 2, 5', 'P.901=pattern/k/z, 2, 5');
    await expectRefused('one', { path: 'pattern/k/z', wanted: 'pattern/k', sharer: 'two', entry: 'P.901' });
    for (const id of ['two', 'one'])
      expect(await bench.api.post(`/api/v1/components/${id}/rollback`)).toMatchObject({ status: 200 });
    expect((await bench.served()).global.files).toMatchObject({ 'pattern/k': {}, 'pattern/t': {} });
  });

  it('is refused when the folder comes back', async () => {
    await publish({ 'pattern/K/z': 'one 1' }, 'P.900=pattern/K/z, 1, 5');
    tree.added.delete('pattern/K/z');
    await publish({ 'pattern/m': 'one 2', 'pattern/k': 'other' }, 'P.900=pattern/m, 2, 5', 'P.902=pattern/k, 1, 5');
    await expectRefused('one', { path: 'pattern/k', wanted: 'pattern/K/z', sharer: null, entry: 'P.902' });
  });

  it('is refused when it is a signature that stands there', async () => {
    await publish({ 'pattern/k.sig/z': 'one 1' }, 'P.900=pattern/k.sig/z, 1, 5');
    tree.added.delete('pattern/k.sig/z');
    await publish(
      { 'pattern/m': 'one 2', 'pattern/k.bin': 'two 1', 'pattern/k.sig': 'signed' },
      'P.900=pattern/m, 2, 5',
      'P.901=pattern/k.bin, 1, 5',
    );
    await expectRefused('one', { path: 'pattern/k.sig', wanted: 'pattern/k.sig/z', sharer: 'two' });
  });
});
