import { DataSource } from 'typeorm';
import { deploy, deployment, gatewayToken, reached, targets, type Json } from '../support/products.js';
import { members, order, ring, RingSite } from '../support/ring-site.js';
import { until } from '../support/until.js';

describe('rings and their members', () => {
  let site: RingSite;

  beforeAll(async () => {
    site = await RingSite.start();
  });
  afterAll(() => site.dispose());
  beforeEach(() => site.newRelease());
  afterEach(() => site.stopProducts());

  it('ask anew what a product needs when its turn comes', async () => {
    await site.plan('one, then the rest', [
      ring('one', { count: 1 }, { gate: { approval: true } }),
      ring('rest', { all: true }),
    ]);
    const fleet = await site.products({ agents: 4, prefix: 'h-' });
    const { id, commandId } = await deploy(site.api, order(members('h-', 4), 'one, then the rest'));
    const waiting = async (): Promise<string[]> =>
      Object.entries(await targets(site.api, commandId)).flatMap(([each, state]) => (state === 'queued' ? [each] : []));
    await until('the first is done', async () => (await deployment(site.api, id)).counts.succeeded === 1);
    const [current, unlicensed, left] = await waiting();
    const agent = (await site.api.get(`/api/v1/agents/${current}`)).body;
    const connection = fleet.agents.find((each) => each.controllerId === agent.controllerId);
    connection!.installed['site-rules'] = String(site.version);
    await site.api.call('PATCH', `/api/v1/agents/${current}`, { configDataWanted: true });
    await site.api.call('PATCH', `/api/v1/agents/${unlicensed}`, { licences: [] });
    await until('it has updated itself', async () =>
      JSON.stringify((await site.api.get(`/api/v1/agents/${current}`)).body.components).includes(`"${site.version}"`),
    );
    await site.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(site.api, id, 'finished');
    expect(await targets(site.api, commandId)).toMatchObject({
      [String(current)]: 'skipped already-current',
      [String(unlicensed)]: 'skipped not-licensed',
      [String(left)]: 'succeeded',
    });
  });

  it('fill up a sample that lost products to nothing to do', async () => {
    await site.plan('one, two, the rest', [
      ring('one', { count: 1 }, { gate: { approval: true } }),
      ring('two', { count: 2 }),
      ring('rest', { all: true }),
    ]);
    await site.products({ agents: 6, prefix: 'k-' });
    const { id, commandId } = await deploy(site.api, order(members('k-', 6), 'one, two, the rest'));
    await until('the first is done', async () => (await deployment(site.api, id)).counts.succeeded === 1);
    expect((await deployment(site.api, id)).rings.map(({ counts }: Json) => counts.held)).toEqual([0, 2, 3]);
    const states = await targets(site.api, commandId);
    const waiting = Object.keys(states).filter((each) => states[each] === 'queued');
    await site.api.call('PATCH', `/api/v1/agents/${waiting[0]}`, { licences: [] });
    await site.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(site.api, id, 'finished');
    const { rings } = await deployment(site.api, id);
    expect(rings.map(({ counts }: Json) => counts.succeeded)).toEqual([1, 2, 2]);
    expect(await targets(site.api, commandId)).toMatchObject({ [String(waiting[0])]: 'skipped not-licensed' });
  });

  it('reckon who is in touch by the interval that a group has from above', async () => {
    await site.plan('one at a time', [ring('all', { all: true }, { concurrency: 1 })]);
    const { body: outer } = await site.api.post('/api/v1/agent-groups', {
      name: 'rarely',
      pollIntervalSeconds: 86_400,
    });
    const { body: inner } = await site.api.post('/api/v1/agent-groups', { name: 'inner', parentId: outer.id });
    await site.api.post('/api/v1/agents', { controllerId: 'rare', group: inner.id });
    const database = site.haishin.server.application()!.get(DataSource);
    await database.query(
      `insert into agent_contact (controller_id, last_contact_at) values ('rare', now() - interval '2 hours')`,
    );
    const { id } = await deploy(site.api, order(['rare'], 'one at a time'));
    expect((await deployment(site.api, id)).rings[0].counts).toMatchObject({ held: 0, released: 1 });
    await site.api.post(`/api/v1/deployments/${id}/abort`);
  });

  it('take in products that join later', async () => {
    await site.plan(
      'joiners',
      [ring('first', { count: 1 }, { gate: { approval: true } }), ring('rest', { all: true })],
      {
        lateJoiners: true,
      },
    );
    const { body: group } = await site.api.post('/api/v1/agent-groups', { name: 'branch' });
    const groupToken = await gatewayToken(site.api, { group: group.id });
    await site.products({ agents: 2, prefix: 'e-', token: groupToken });
    const { id, commandId } = await deploy(site.api, {
      components: ['site-rules'],
      targets: { groups: [group.id] },
      plan: 'joiners',
    });
    await site.products({ agents: 1, prefix: 'late-', token: groupToken });
    await site.products({ agents: 1, prefix: 'elsewhere-' });
    await until('the newcomer is a target', async () => 'late-00001' in (await targets(site.api, commandId)), 50_000);
    expect((await deployment(site.api, id)).rings[1].counts).toMatchObject({ held: 2 });
    await site.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(site.api, id, 'finished');
    expect(await targets(site.api, commandId)).toEqual({
      'e-00001': 'succeeded',
      'e-00002': 'succeeded',
      'late-00001': 'succeeded',
    });
  });
});
