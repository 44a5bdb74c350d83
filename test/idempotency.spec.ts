import pg from 'pg';
import { MirrorBench } from './mirror-run/mirror-bench.js';
import type { ApiAnswer } from './support/haishin.js';
import { newComponent } from './support/products.js';
import { uploadTo } from './support/upload.js';
import { until } from './support/until.js';

/** Orders whose answer could not be recorded, or that were sent again while the first one was still at work. */
describe('an order with an Idempotency-Key', () => {
  let bench: MirrorBench;
  let database: pg.Client;

  beforeAll(async () => {
    bench = await MirrorBench.open();
    await bench.api.download();
    await newComponent(bench.api, 'site-rules');
    await bench.api.post('/api/v1/agents', { controllerId: 'mx1' });
    database = new pg.Client({ connectionString: bench.haishin.database.url });
    await database.connect();
    await database.query(`create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'not now' using errcode = '55P03'; end $$`);
  });
  afterAll(async () => {
    await database.end();
    await bench.close();
  });

  const post =
    (path: string, body: unknown = {}) =>
    (key: string): Promise<ApiAnswer> =>
      bench.api.call('POST', `/api/v1/${path}`, body, { 'idempotency-key': key });
  const upload = (key: string): Promise<ApiAnswer> =>
    uploadTo(bench.haishin, 'site-rules', { file: { name: 'r.dat', content: 'r' }, version: '2028-01-1' }, '', {
      'idempotency-key': key,
    });
  const inventory = post('commands', { type: 'refresh-inventory', targets: { all: true } });

  const rows = async (sql: string): Promise<number> =>
    Number((await database.query<{ n: string }>(`select count(*) as n from ${sql}`)).rows[0]?.n);
  const commands = (type: string) => (): Promise<number> => rows(`command where type = '${type}'`);

  const orders: [string, (key: string) => Promise<ApiAnswer>, () => Promise<number>][] = [
    ['a command', inventory, commands('refresh-inventory')],
    ['a deployment', post('deployments', { components: ['site-rules'], targets: { all: true } }), commands('deploy')],
    ['a download', post('downloads'), () => rows('download')],
    ['an upload', upload, () => rows(`update_event where trigger = 'upload'  and outcome <> 'failed'`)],
  ];

  /** No row of the table is changed meanwhile, as when the disk of the database is full or a lock is held for too long. */
  async function without<T>(what: string, work: () => Promise<T>): Promise<T> {
    await database.query(`create trigger refused before ${what} for each row execute function refuse()`);
    try {
      return await work();
    } finally {
      await database.query(`drop trigger refused on ${what.split(' on ')[1]}`);
    }
  }

  const settled = async (id: unknown): Promise<void> => {
    if ((await bench.api.get(`/api/v1/downloads/${String(id)}`)).status === 200) await bench.api.ended(String(id));
  };

  it.each(orders)('%s whose answer cannot be recorded is carried out once', async (name, send, count) => {
    const before = await count();
    const key = `answer of ${name}`.replaceAll(' ', '-');
    const first = await without('update on idempotency_key', () => send(key));
    expect(first.status).toBeGreaterThanOrEqual(500);
    const [running] = (await bench.api.get('/api/v1/downloads?limit=1')).body.items;
    await settled(running.id);
    const second = await send(key);
    expect(second.status).toBeLessThan(300);
    expect((await send(key)).body).toEqual(second.body);
    expect(await count()).toBe(before + 1);
    await settled(second.body.id);
  });

  it.each(orders)('%s that no line of the audit can be written for is carried out once', async (name, send, count) => {
    const before = await count();
    const key = `audit of ${name}`.replaceAll(' ', '-');
    expect((await without('insert on audit_entry', () => send(key))).status).toBeGreaterThanOrEqual(500);
    const [running] = (await bench.api.get('/api/v1/downloads?limit=1')).body.items;
    await settled(running.id);
    const second = await send(key);
    expect(second.status).toBeLessThan(300);
    expect(await count()).toBe(before + 1);
    await settled(second.body.id);
  });

  it('is carried out once when its repeat takes over, because the first one took too long', async () => {
    const before = await commands('refresh-inventory')();
    const waiting = (): Promise<number> => rows(`pg_locks where locktype = 'advisory' and not granted`);
    await database.query(`select pg_advisory_lock(hashtext('haishin-order-intake'))`);
    const first = inventory('slow');
    await until('the first one waits', async () => (await waiting()) === 1);
    await database.query(`update idempotency_key set created_at = now() - interval '6 minutes' where key = 'slow'`);
    const second = inventory('slow');
    await until('the second one waits', async () => (await waiting()) === 2);
    await database.query(`select pg_advisory_unlock(hashtext('haishin-order-intake'))`);
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'idempotency-in-progress'],
      [202, undefined],
    ]);
    expect(await commands('refresh-inventory')()).toBe(before + 1);
    expect((await inventory('slow')).body).toEqual(answers[1].body);
  });
});
