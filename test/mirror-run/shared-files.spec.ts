import { uploadTo } from '../support/upload.js';
import { zipOf } from '../support/zip-file.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;
const SHARED = 'pattern/tmgd.zip';

/** A second entry that names the file of a first one, with the same version and size. */
function withTwinOf(key: string, twin: string): (manifest: Buffer) => Buffer {
  return (manifest) =>
    Buffer.from(
      manifest.toString('latin1').replace(new RegExp(`^${key.replace('.', '\\.')}=(.*)$`, 'm'), `$&\r\n${twin}=$1`),
      'latin1',
    );
}

describe('entries that name the same file', () => {
  let bench: MirrorBench;
  beforeEach(async () => (bench = await MirrorBench.open()));
  afterEach(() => bench.close());

  it('of one component: its release has the file once', async () => {
    bench.upstream.set(MANIFEST, { kind: 'transform', transform: withTwinOf('P.20000400', 'P.40000010') });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded', error: null });
    await bench.expectCurrent();
    const { current } = (await bench.api.get('/api/v1/components/spyware-pattern?channel=global')).body;
    const { files } = (await bench.api.get(`/api/v1/releases/${current.releaseId}`)).body;
    const paths = (files as { path: string }[]).map(({ path }) => path);
    expect(paths).toHaveLength(new Set(paths).size);
    expect(paths).toContain('pattern/ssaptn2469.zip');
  });

  describe('of two components, under a name that stays', () => {
    const component = (id: string): string => `/api/v1/components/${id}`;
    const shared = async (): Promise<unknown> => (await bench.served()).global.files[SHARED];
    let first: unknown;

    beforeEach(async () => {
      bench.upstream.set(MANIFEST, { kind: 'transform', transform: withTwinOf('P.48040241', 'P.F1') });
      for (const [id, entry] of [
        ['one', 'P.48040241'],
        ['two', 'P.F1'],
      ] as const)
        await bench.api.post('/api/v1/components', {
          id,
          names: { ja: id, en: id },
          kind: 'pattern',
          numbering: 'integer',
          entries: [entry],
        });
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      first = await shared();
      bench.tree.publish(['unclaimed-leading-zeros']);
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    });

    it('neither takes an upload of another content under that name; the same content again is welcome', async () => {
      const held = await fetch(`${bench.haishin.http}/activeupdate/${SHARED}`);
      const file = { name: 'tmgd.zip', content: Buffer.from(await held.arrayBuffer()) };
      const { version } = (await bench.api.component('one')).current as { version: string };
      const other = { name: 'tmgd.zip', content: await zipOf(100) };
      for (const [id, sharer] of [
        ['one', 'two'],
        ['two', 'one'],
      ] as const) {
        expect(await uploadTo(bench.haishin, id, { file: other, version: '999999' }, '?publish=force')).toMatchObject({
          status: 409,
          body: { code: 'path-taken', detail: `${SHARED} belongs to ${sharer}; give the file another name.` },
        });
      }
      const answers = await Promise.all(['one', 'two'].map((id) => uploadTo(bench.haishin, id, { file, version })));
      expect(answers.map(({ status }) => status)).toContain(201);
    });

    it('go back together, stay together, and go on together', async () => {
      expect(await bench.api.post(`${component('one')}/rollback`)).toMatchObject({ status: 200 });
      expect(await shared()).toEqual(first);
      for (const id of ['one', 'two'])
        expect((await bench.api.get(component(id))).body).toMatchObject({
          rolledBack: true,
          scheduled: false,
          current: { version: '00001800' },
        });
      const { items } = (await bench.api.get('/api/v1/events?trigger=rollback')).body;
      expect((items as { component: string }[]).map((event) => event.component).sort()).toEqual(['one', 'two']);

      bench.tree.publish(['unclaimed-leading-zeros', 'virus-pattern']);
      const download = await bench.api.download();
      expect(download).toMatchObject({ state: 'succeeded' });
      expect(outcomeOf(download, 'two')).toMatchObject({ outcome: 'held' });
      expect(await shared()).toEqual(first);

      await bench.api.post(`${component('two')}/resume`);
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      await bench.expectCurrent();
    });

    it('one that no component claims cannot go back with the other: refused, and the message says what to do', async () => {
      await bench.api.call('PATCH', component('two'), { entries: [] });
      const before = await bench.served();
      const answer = await bench.api.post(`${component('one')}/rollback`);
      expect(answer).toMatchObject({
        status: 409,
        body: { code: 'rollback-shared-file', path: SHARED, sharer: null, entry: 'P.F1' },
      });
      expect(answer.body.detail).toContain('add it to the entries of one');
      expect(await bench.served()).toEqual(before);
    });
  });
});
