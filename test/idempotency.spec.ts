import pg from 'pg';
import { MirrorBench } from './mirror-run/mirror-bench.js';
import type { ApiAnswer } from './support/haishin.js';
import { DdiClient } from './support/ddi-client.js';
import { deploy, newComponent } from './support/products.js';
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
    expect(first).toMatchObject({ status: 503, body: { code: 'database-busy' } });
    expect(first.headers.get('retry-after')).toBe('10');
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

  describe('that is sent twice', () => {
    const twice = async (path: string, body: unknown, key: string): Promise<[ApiAnswer, ApiAnswer]> => {
      const send = post(path, body);
      return [await send(key), await send(key)];
    };

    it('takes a component back one generation, not two, and lets it go on once', async () => {
      const shown = [(await bench.api.component('virus-pattern')).current.releaseId as string];
      for (let n = 0; n < 2; n++) {
        bench.tree.publish(['virus-pattern']);
        await bench.api.download();
        shown.unshift((await bench.api.component('virus-pattern')).current.releaseId as string);
      }
      const back = await twice('components/virus-pattern/rollback', {}, 'back');
      expect(back.map(({ status }) => status)).toEqual([200, 200]);
      expect(back.map(({ body }) => body.current.releaseId as string)).toEqual([shown[1], shown[1]]);
      const reused = await post('components/spyware-pattern/rollback')('back');
      expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
      const further = await post('components/virus-pattern/rollback')('back-again');
      expect(further.body.current.releaseId).toBe(shown[2]);
      const lines = (): Promise<number> => rows(`audit_entry where action = 'component.resume'`);
      const before = await lines();
      await twice('components/virus-pattern/resume', {}, 'on');
      await twice('components/virus-pattern/resume', {}, 'on-although-it-is');
      expect(await lines()).toBe(before + 1);
    });

    it('is told what the first one did, whatever the state is now', async () => {
      const { body: agent } = await bench.api.post('/api/v1/agents', { controllerId: 'mx2' });
      const product = new DdiClient(bench.haishin.http, 'mx2', { token: agent.securityToken as string });
      const targets = { agents: ['mx2'] };
      const { commandId, id } = await deploy(bench.api, { components: ['site-rules'], targets, tries: 1 });
      const [paused, still] = await twice(`deployments/${id}/pause`, {}, 'pause');
      expect([paused.body.state, still.body.state]).toEqual(['paused', 'paused']);
      const [resumed, going] = await twice(`deployments/${id}/resume`, {}, 'resume');
      expect([resumed.body.state, going.body.state]).toEqual(['running', 'running']);

      const action = (await product.fetchDeployment()).body.id as string;
      await product.feedback(action, 'closed', 'failure');
      const [retried, again] = await twice(`commands/${commandId}/retry`, {}, 'retry');
      expect(retried).toMatchObject({ status: 202, body: { id: commandId, retried: 1 } });
      expect(again).toMatchObject({ status: 202, body: retried.body });
      const [cancelled, once] = await twice(`commands/${commandId}/cancel`, {}, 'cancel');
      expect(cancelled).toMatchObject({ status: 202, body: { id: commandId, withdrawn: 1, asked: 0 } });
      expect(once).toMatchObject({ status: 202, body: cancelled.body });

      const other = await deploy(bench.api, { components: ['site-rules'], targets });
      expect((await twice(`deployments/${other.id}/abort`, {}, 'abort')).map(({ status }) => status)).toEqual([
        200, 200,
      ]);
      const ring = { name: 'one', select: { all: true }, start: { kind: 'at-once' }, gate: { approval: true } };
      const { body: plan } = await bench.api.post('/api/v1/deployment-plans', { name: 'asked', rings: [ring, ring] });
      const gated = await deploy(bench.api, { components: ['site-rules'], targets, plan: plan.id });
      const order = { override: true };
      const approved = await twice(`deployments/${gated.id}/rings/0/approve`, order, 'approve');
      expect(approved.map(({ status }) => status)).toEqual([200, 200]);
      await bench.api.post(`/api/v1/deployments/${gated.id}/abort`);
    });

    it('makes one component and one group', async () => {
      const names = { ja: 'x', en: 'x' };
      const made = await twice('components', { id: 'once-only', names, kind: 'pattern' }, 'component');
      expect(made.map(({ status }) => status)).toEqual([201, 201]);
      const groups = await twice('agent-groups', { name: 'once only' }, 'group');
      expect(groups[1]).toMatchObject({ status: 201, body: groups[0].body });
    });

    it('stops a download once', async () => {
      bench.upstream.set(/./, { kind: 'hang-before-headers' });
      const { body } = await bench.api.post('/api/v1/downloads');
      const answers = await twice(`downloads/${body.id}/cancel`, {}, 'stop');
      bench.upstream.clear();
      await bench.api.ended(body.id as string);
      const late = await post(`downloads/${body.id}/cancel`)('stop');
      expect([...answers, late].map(({ status }) => status)).toEqual([202, 202, 202]);
    });
  });
});
