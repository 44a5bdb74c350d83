import pg from 'pg';
import { MirrorBench } from '../mirror-run/mirror-bench.js';
import type { ApiAnswer } from '../support/haishin.js';
import { until } from '../support/until.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

describe('manifest entries belong to one component', () => {
  it('a manifest entry that another component has, in whatever case, also of two at the same moment', async () => {
    const names = { ja: '二重', en: 'Twice' };
    const post = (id: string, entries: string[]): Promise<ApiAnswer> =>
      bench.api.post('/api/v1/components', { id, names, kind: 'pattern', entries });
    const claimed = { status: 409, body: { code: 'entry-claimed', component: 'spyware-pattern', entry: 'P.20000400' } };
    expect(await post('dup-one', ['P.77', 'P.20000400'])).toMatchObject(claimed);
    expect((await bench.api.get('/api/v1/components/dup-one')).status).toBe(404);
    const patch = (id: string, entries: string[]): Promise<ApiAnswer> =>
      bench.api.call('PATCH', `/api/v1/components/${id}`, { entries });
    expect(await patch('virus-pattern', ['P.4', 'P.20000400'])).toMatchObject(claimed);
    expect(await patch('virus-pattern', ['P.4'])).toMatchObject({ status: 200, body: { entries: ['P.4'] } });
    expect(await patch('absent', ['P.4'])).toMatchObject({ status: 404, body: { code: 'component-unknown' } });
    // Another node that has not committed its claim yet.
    const node = new pg.Client({ connectionString: bench.haishin.database.url });
    await node.connect();
    try {
      await node.query(`begin; select pg_advisory_xact_lock(hashtext('haishin-component-entries'));
        update component set entries = '{P.AAA}' where id = 'url-filtering-engine'`);
      let answered = false;
      const late = post('dup-one', ['P.aaa']).finally(() => (answered = true));
      await until('it waits for the other', async () => {
        const { rowCount } = await node.query(`select from pg_locks where locktype = 'advisory' and not granted`);
        return answered || rowCount === 1;
      });
      await node.query('commit');
      expect(await late).toMatchObject({
        status: 409,
        body: { code: 'entry-claimed', component: 'url-filtering-engine' },
      });
    } finally {
      await node.end();
    }
    expect(await patch('url-filtering-engine', [])).toMatchObject({ status: 200 });
    expect(await post('dup-one', ['P.aaa'])).toMatchObject({ status: 201 });
  });

  it('an entry with two owners from before stands in the way of no other edit, only of a new claim', async () => {
    const old = new pg.Client({ connectionString: bench.haishin.database.url });
    await old.connect();
    await old.query(
      `update component set entries = entries || '{P.BBB}' where id in ('virus-pattern', 'antispam-pattern')`,
    );
    await old.end();
    const path = '/api/v1/components/virus-pattern';
    const { names, entries } = (await bench.api.get(path)).body as {
      names: { ja: string; en: string };
      entries: string[];
    };
    expect(entries).toContain('P.BBB');
    const patch = (change: object): Promise<ApiAnswer> => bench.api.call('PATCH', path, { names, entries, ...change });
    const renamed = { names: { ...names, en: 'Renamed' } };
    expect(await patch(renamed)).toMatchObject({ status: 200, body: { ...renamed, entries } });
    expect(await patch({ entries: [...entries, 'P.20000400'] })).toMatchObject({
      status: 409,
      body: { code: 'entry-claimed', component: 'spyware-pattern', entry: 'P.20000400' },
    });
    const given = entries.filter((entry) => entry !== 'P.BBB');
    expect(await patch({ entries: given })).toMatchObject({ status: 200, body: { entries: given } });
    expect(await patch({})).toMatchObject({ status: 409, body: { component: 'antispam-pattern', entry: 'P.BBB' } });
  });

  it('a component that takes over an entry has its release with the next download, and the one before has none', async () => {
    const path = '/api/v1/components';
    const entries = ['P.48040241'];
    const { items } = (await bench.api.get(path)).body as { items: { id: string; entries: string[] }[] };
    const owner = items.find((each) => each.entries.includes('P.48040241'));
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    if (owner !== undefined)
      await bench.api.call('PATCH', `${path}/${owner.id}`, {
        entries: owner.entries.filter((entry) => entry !== 'P.48040241'),
      });
    const made = { id: 'adopted', names: { ja: '引継ぎ', en: 'Adopted' }, kind: 'pattern', entries };
    expect(await bench.api.post(path, made)).toMatchObject({ status: 201 });
    const before = await bench.served();
    const download = await bench.api.download();
    expect(download.snapshotId).not.toBeNull();
    expect(await bench.api.component('adopted')).toMatchObject({ current: { version: expect.any(String) as unknown } });
    expect((await bench.api.get('/api/v1/releases?component=adopted')).body.items).not.toEqual([]);
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged', snapshotId: null });
  });
});
