import pg from 'pg';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { newComponent, deploy, type Json } from '../support/products.js';

describe('orders of deployments', () => {
  let haishin: TestHaishin;

  beforeAll(async () => {
    haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    for (const controllerId of ['mx1', 'mx2', 'mx3']) await haishin.api.post('/api/v1/agents', { controllerId });
  });

  afterAll(() => haishin.dispose());

  const all = { all: true };
  const components = ['site-rules'];
  const nowhere = '11111111-1111-4111-8111-111111111111';
  const ring = { name: 'one', select: { all: true }, start: { kind: 'at-once' } };

  it.each([
    ['nothing is selected', { targets: all }, 422, 'deployment-empty'],
    ['the list of components is empty', { components: [], targets: all }, 422, 'deployment-empty'],
    ['a component is unknown', { components: ['nothing'], targets: all }, 404, 'component-unknown'],
    ['a component was never downloaded', { components: ['virus-pattern'], targets: all }, 422, 'component-not-carried'],
    ['a release is unknown', { releases: [nowhere], targets: all }, 404, 'release-unknown'],
    ['a release is no id', { releases: ["' or 1=1"], targets: all }, 404, 'release-unknown'],
    ['nobody is named', { components, targets: {} }, 422, 'targets-empty'],
    ['the list of agents is empty', { components, targets: { agents: [] } }, 422, 'targets-empty'],
    ['all is denied', { components, targets: { all: false } }, 422, 'targets-empty'],
    ['an agent is unknown', { components, targets: { agents: ['mx1', 'mx9'] } }, 404, 'agent-unknown'],
    ['a group is unknown', { components, targets: { groups: [nowhere] } }, 404, 'agent-group-unknown'],
    ['a tag selects nobody', { components, targets: { tags: ['x'] } }, 422, 'targets-empty'],
    ['targets are missing', { components }, 400, 'validation-failed'],
    ['the channel is unknown', { components, targets: all, channel: 'mars' }, 400, 'validation-failed'],
    ['a field is unknown', { components, targets: all, wishes: 1 }, 400, 'validation-failed'],
    ['the mode is unknown', { components, targets: all, mode: 'soon' }, 400, 'validation-failed'],
    ['the plan is unknown', { components, targets: all, plan: 'no such plan' }, 404, 'plan-unknown'],
    [
      'the window is over',
      { components, targets: all, window: { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' } },
      422,
      'window-never-opens',
    ],
    [
      'the window has no day',
      { components, targets: all, window: { from: '01:00', to: '02:00', timeZone: 'Asia/Tokyo', days: [] } },
      422,
      'window-never-opens',
    ],
    [
      'the window opens after the order has expired',
      {
        components,
        targets: all,
        expiresInHours: 1,
        window: { from: '2999-01-01T00:00:00Z', to: '2999-01-02T00:00:00Z' },
      },
      422,
      'window-never-opens',
    ],
    [
      'the window is nonsense',
      { components, targets: all, window: { from: 'now', to: 'then' } },
      400,
      'window-invalid',
    ],
    [
      'the window has no zone',
      { components, targets: all, window: { kind: 'daily', from: '01:00', to: '02:00' } },
      400,
      'window-invalid',
    ],
  ])('are refused without a trace when %s', async (_, body, status, code) => {
    for (const path of ['/api/v1/deployments', '/api/v1/deployments/preview']) {
      const answer = await haishin.api.post(path, body);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    expect((await haishin.api.get('/api/v1/deployments')).body.items).toEqual([]);
    expect((await haishin.api.get('/api/v1/commands?type=deploy')).body.items).toEqual([]);
  });

  it('are refused when no ring of the plan takes any of the products', async () => {
    const plan = { name: 'lab only', lateJoiners: false, rings: [{ ...ring, select: { tags: ['lab'] } }] };
    await haishin.api.post('/api/v1/deployment-plans', plan);
    const answer = await haishin.api.post('/api/v1/deployments', { components, targets: all, plan: 'lab only' });
    expect([answer.status, answer.body.code]).toEqual([422, 'plan-selects-nobody']);
  });

  it('are carried out once for one Idempotency-Key', async () => {
    const order = { components, targets: { agents: ['mx1'] } };
    const key = { 'idempotency-key': 'order-1' };
    const first = await haishin.api.call('POST', '/api/v1/deployments', order, key);
    const again = await haishin.api.call('POST', '/api/v1/deployments', order, key);
    expect(first.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect((await haishin.api.get('/api/v1/deployments')).body.items).toHaveLength(1);
    const view = (await haishin.api.get(`/api/v1/deployments/${first.body.id}`)).body;
    expect(view).toMatchObject({
      state: 'running',
      plan: null,
      commandId: first.body.commandId,
      releases: [{ component: 'site-rules', version: '1' }],
      counts: { queued: 1 },
      rings: [{ name: 'all', state: 'open', counts: { released: 1, held: 0 } }],
    });
    await haishin.api.post(`/api/v1/deployments/${first.body.id}/abort`);
  });

  it('are listed with the numbers of what they name, and have the names themselves', async () => {
    const named = { agents: ['mx1', 'mx2'], tags: ['edge'] };
    const { id } = await deploy(haishin.api, { components, targets: named });
    const [listed] = (await haishin.api.get('/api/v1/deployments?limit=1')).body.items;
    expect(listed).toMatchObject({
      id,
      targetCounts: { all: false, agents: 2, groups: 0, tags: 1, productTypes: 0 },
      counts: { queued: 2 },
    });
    expect(listed).not.toHaveProperty('targets');
    expect((await haishin.api.get(`/api/v1/deployments/${id}`)).body.targets).toEqual(named);
    await haishin.api.post(`/api/v1/deployments/${id}/abort`);
  });
});

describe('what a person orders while a deployment runs', () => {
  it('has taken effect, whatever becomes of the turn that follows', async () => {
    const haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    await haishin.api.post('/api/v1/agents', { controllerId: 'mx1' });
    const { id } = await deploy(haishin.api, { components: ['site-rules'], targets: { agents: ['mx1'] } });
    const database = new pg.Client({ connectionString: haishin.database.url });
    await database.connect();
    await database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception 'not now' using errcode = '55P03'; end $$`);
    // The order itself changes the state; the turn only when it looks again.
    await database.query(`create trigger busy before update on deployment_part for each row when (old.state = new.state)
      execute function busy()`);
    for (const [order, state] of [
      ['pause', 'paused'],
      ['resume', 'running'],
      ['rings/0/approve', 'running'],
      ['abort', 'aborted'],
    ] as const) {
      const answer = await haishin.api.post(`/api/v1/deployments/${id}/${order}`);
      expect(answer).toMatchObject({ status: 200, body: { state } });
    }
    const { items } = (await haishin.api.get('/api/v1/audit?limit=4')).body;
    const actions = items.map((each: Json) => each.action as string);
    expect(actions).toEqual(['deployment.abort', 'deployment.approve', 'deployment.resume', 'deployment.pause']);
    await database.query('drop trigger busy on deployment_part');
    await database.end();
    await haishin.dispose();
  });
});

describe('many orders at once', () => {
  it('do not starve each other of connections', async () => {
    const haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    const names = Array.from({ length: 60 }, (_, index) => `mx${index}`);
    await haishin.api.post(
      '/api/v1/agents',
      names.map((controllerId) => ({ controllerId })),
    );
    const answers = await Promise.all(
      names.map((name) =>
        haishin.api.post('/api/v1/deployments', { components: ['site-rules'], targets: { agents: [name] } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(202));
    await haishin.dispose();
  });
});
