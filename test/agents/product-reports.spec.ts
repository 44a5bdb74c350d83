import pg from 'pg';
import { DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('what products report of themselves', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '4.0');
  });
  afterAll(() => site.dispose());

  it('asks for attributes until it has them, and again when a person wants them', async () => {
    const { body } = await site.api.post('/api/v1/agents', { controllerId: 'attr' });
    const product = new DdiClient(site.haishin.http, 'attr', { token: body.securityToken as string });
    const { href } = (await product.poll()).body._links.configData;
    expect(href).toBe(`${product.base}/configData`);
    // As SWUpdate sends it: an id, a status, a time; numbers among the values.
    const sent = {
      id: '',
      status: { result: { finished: 'success' } },
      mode: 'merge',
      data: { device: 'mx', cores: 4 },
    };
    expect((await product.call('PUT', href as string, sent)).status).toBe(200);
    expect((await product.poll()).body._links).toEqual({});
    await product.configData({ device: 'my', more: 'x' });
    await product.configData({ more: '' }, 'remove');
    const view = async () => (await site.api.get('/api/v1/agents/attr')).body;
    expect((await view()).attributes).toEqual({ device: 'my', cores: '4' });
    await product.configData({ product: 'Gateway', version: '9.1' }, 'replace');
    expect(await view()).toMatchObject({
      attributes: { product: 'Gateway', version: '9.1' },
      productType: 'Gateway',
      productVersion: '9.1',
    });
    await site.api.call('PATCH', '/api/v1/agents/attr', { configDataWanted: true });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['configData']);
  });

  it('reads the inventory with its variants', async () => {
    const product = await site.product('inv', {
      'component.virus-pattern.version': '15.697.80',
      'component.virus-scan-engine.version': '12.5.1004',
      'component.unheard-of.version': 'beta',
      'component.BAD KEY.version': '1',
      'haishin.capabilities': 'rollback, schedule,multi-artifact,rollback',
    });
    const { body } = await site.api.get('/api/v1/agents/inv');
    expect(body.components).toMatchObject([
      { id: 'unheard-of', version: 'beta', rawVersion: 'beta', variant: null },
      { id: 'virus-pattern', version: '15.697.80', rawVersion: '1569780', variant: '80' },
      { id: 'virus-scan-engine', version: '12.500.1004', rawVersion: '12.5.1004', variant: null },
    ]);
    expect(body.capabilities).toEqual(['rollback', 'schedule', 'multi-artifact']);
    await product.configData({}, 'replace');
    expect((await site.api.get('/api/v1/agents/inv')).body.components).toEqual([]);
  });

  it('waits while the product runs an update of its own', async () => {
    const id = site.fresh();
    const product = await site.product(id, { 'haishin.schedule': 'on' });
    await product.configData({ 'haishin.update': 'running' });
    const commandId = await site.deploy([release], [id]);
    expect((await product.poll()).body._links).toEqual({});
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'own-update-running' });
    await product.configData({ 'haishin.update': 'idle' });
    expect((await product.fetchDeployment()).status).toBe(200);
    const { body } = await site.api.get(`/api/v1/agents/${id}`);
    expect(body.conflicts).toMatchObject([{ code: 'own-schedule-on' }]);
    await product.configData({ 'haishin.schedule': 'off' });
    expect((await site.api.get(`/api/v1/agents/${id}`)).body.conflicts).toEqual([]);
  });

  it('does not believe for ever that an update runs', async () => {
    const id = site.fresh();
    const product = await site.product(id, { 'haishin.update': 'running' });
    await site.deploy([release], [id]);
    expect((await product.poll()).body._links).toEqual({});
    site.clock.advance(121 * 60_000);
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
  });

  it('takes updates that the product started itself into the history, each once', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const event = {
      id: '7d1c0e1a-0000-4000-8000-000000000001',
      time: '1970-01-01T00:00:00.000Z',
      component: 'virus-pattern',
      trigger: 'schedule',
      outcome: 'succeeded',
      versionBefore: '15.695.00',
      version: '15.697.00',
      code: 0,
      message: 'succeeded',
      unknown: 'field',
    };
    const failed = { ...event, id: 'second', component: 'rules', outcome: 'failed', code: 62, version: '9.9' };
    for (let time = 0; time < 3; time += 1)
      expect((await product.call('POST', '/events', { events: [event, failed] })).status).toBe(200);
    const { body: own } = await site.api.get(`/api/v1/agents/${id}/events`);
    expect(own.items).toHaveLength(2);
    // A clock that stands in 1970 tells nothing: the time of arrival stands instead.
    expect(own.items[0].at).toBe(site.clock.now().toISOString());
    const { body: log } = await site.api.get('/api/v1/events?component=virus-pattern');
    expect(log.items).toMatchObject([
      { trigger: 'product-schedule', outcome: 'updated', actor: id, version: '15.697.00' },
    ]);
    expect(log.items[0].text.en).toContain(id);
    const { body: agent } = await site.api.get(`/api/v1/agents/${id}`);
    expect(agent.components).toMatchObject([{ id: 'virus-pattern', rawVersion: '1569700', variant: '00' }]);
    // Half a character at the cut is none; a component that nobody knows stands in the history alone.
    const long = { ...event, id: 'long', outcome: 'failed', message: `${'x'.repeat(999)}😀` };
    const strange = { ...event, id: 'strange', component: 'unheard-of', version: '1' };
    expect((await product.call('POST', '/events', { events: [long, strange] })).status).toBe(200);
    const later = (await site.api.get(`/api/v1/agents/${id}`)).body.components;
    expect(later.map((each: { id: string }) => each.id)).toEqual(['virus-pattern']);
    for (const wrong of [{}, { events: 7 }, { events: [{}] }, { events: [{ ...event, trigger: 'moon' }] }])
      expect((await product.call('POST', '/events', wrong)).status).toBe(400);
  });

  it('believes a product that begins another update of its own after one that it never ended', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id], { expiresAt: new Date(site.clock.now().getTime() + 86_400_000) });
    const offered = async (): Promise<boolean> => 'deploymentBase' in (await product.poll()).body._links;
    await product.configData({ 'haishin.update': 'running' });
    expect(await offered()).toBe(false);
    site.clock.advance(3 * 3_600_000);
    await product.configData({ device: 'mx' });
    expect(await offered()).toBe(true);
    await product.configData({ 'haishin.update': 'running' });
    expect(await offered()).toBe(false);
    await product.configData({ 'haishin.update': 'idle' });
    expect(await offered()).toBe(true);
  });

  it('takes so many characters of attributes, and lets a product with more of them take some away', async () => {
    const product = await site.product(site.fresh());
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`note${index}`, 'x'.repeat(1_000)]));
    expect((await product.configData(many(60))).status).toBe(200);
    expect((await product.configData({ more: 'y'.repeat(1_000), most: 'y'.repeat(1_000) })).status).toBe(200);
    const full = await product.configData(
      Object.fromEntries(['a', 'b', 'c', 'd'].map((key) => [key, 'z'.repeat(1_000)])),
    );
    expect(full).toMatchObject({ status: 400, body: { code: 'config-data-invalid' } });
    expect((await product.configData(many(50), 'remove')).status).toBe(200);
    expect((await product.configData({ late: 'z'.repeat(1_000) })).status).toBe(200);
  });

  it('keeps little of a product that nobody has approved, and writes nothing of it into the update log', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.api.call('PATCH', `/api/v1/agents/${id}`, { approval: 'pending' });
    const report = async (from: number): Promise<void> => {
      const one = { component: 'rules', trigger: 'manual', outcome: 'failed' };
      const events = Array.from({ length: 60 }, (_, index) => ({ ...one, id: `e${from + index}` }));
      expect((await product.call('POST', '/events', { events })).status).toBe(200);
    };
    const own = async () => (await site.api.get(`/api/v1/agents/${id}/events?limit=500`)).body.items.length as number;
    const logged = async () =>
      (await site.api.get('/api/v1/events?limit=500')).body.items.filter((line: { actor: string }) => line.actor === id)
        .length as number;
    await report(0);
    await report(60);
    expect([await own(), await logged()]).toEqual([100, 0]);
    await site.api.post(`/api/v1/agents/${id}/approve`);
    await report(60);
    expect([await own(), await logged()]).toEqual([120, 20]);
  });

  it('keeps so many updates of a product and day, and no more', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const report = async (from: number, count: number): Promise<void> => {
      const events = Array.from({ length: count }, (_, index) => ({
        id: `e${from + index}`,
        component: 'rules',
        trigger: 'manual',
        outcome: 'unchanged',
      }));
      expect((await product.call('POST', '/events', { events })).status).toBe(200);
    };
    for (let from = 0; from < 9_800; from += 490) await report(from, 490);
    await report(9_800, 490);
    await report(20_000, 1);
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    const kept = async (): Promise<number[]> => {
      const { rows } = await database.query<{ own: number; logged: number }>(
        `select (select count(*)::int from agent_event where controller_id = $1) as own,
           (select count(*)::int from update_event where actor = $1) as logged`,
        [id],
      );
      return [rows[0]?.own ?? 0, rows[0]?.logged ?? 0];
    };
    // One line more says that there was more.
    expect(await kept()).toEqual([10_000, 10_001]);
    const line = (await site.api.get('/api/v1/events?limit=1')).body.items[0];
    expect(line).toMatchObject({ actor: id, component: null, outcome: 'failed', code: 'reports-dropped' });
    expect(line.text).toEqual({ en: expect.stringContaining('10000'), ja: expect.stringContaining('10000') });
    // What is sent again was kept before, and is not missed.
    await report(0, 1);
    await report(20_000, 1);
    expect(await kept()).toEqual([10_000, 10_001]);
    site.clock.advance(86_400_001);
    await report(20_000, 1);
    expect(await kept()).toEqual([10_001, 10_002]);
    await database.end();
  });
});
