import { MirrorBench } from '../mirror-run/mirror-bench.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

describe('null where a field has no such value', () => {
  const refused = (field: string): unknown => ({
    status: 400,
    body: { code: 'validation-failed', fields: [expect.objectContaining({ field })] },
  });

  it.each(['scheduled', 'entries', 'licence', 'restarts', 'variants'])(
    '%s of a component is refused',
    async (field) => {
      const path = '/api/v1/components/virus-pattern';
      const before = await bench.api.get(path);
      expect(await bench.api.call('PATCH', path, { [field]: null })).toMatchObject(refused(field) as object);
      expect((await bench.api.get(path)).body).toEqual(before.body);
    },
  );

  it('is no size of an upload', async () => {
    const path = '/api/v1/settings/distribution';
    const setting = (await bench.api.get(path)).body;
    const put = await bench.api.put(path, { ...setting, maxUploadBytes: null });
    expect(put).toMatchObject(refused('maxUploadBytes') as object);
    expect((await bench.api.get(path)).body).toEqual(setting);
    const { maxUploadBytes: _left, ...without } = setting;
    expect(await bench.api.put(path, without)).toMatchObject({ status: 200 });
  });

  it('is no release to go back to: with generations it is a mistake, not another order', async () => {
    const order = { generations: 2, releaseId: null };
    const answer = await bench.api.post('/api/v1/components/virus-pattern/rollback', order);
    expect(answer).toMatchObject(refused('releaseId') as object);
  });

  it('is no selection of components for a download', async () => {
    const answer = await bench.api.post('/api/v1/downloads', { components: null });
    expect(answer).toMatchObject(refused('components') as object);
  });
});
