import pg from 'pg';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { fleetOf, newComponent, newRelease, deploy, reached, targets, type Json } from '../support/products.js';

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

  it.each([
    ['has no ring', { rings: [] }, 'plan-empty'],
    ['has a ring without a start', { rings: [{ name: 'one', select: { all: true } }] }, 'plan-start-missing'],
    ['has a ring that selects nothing', { rings: [{ ...ring, select: { tags: [] } }] }, 'plan-ring-selects-nothing'],
    ['has a ring behind one that takes all', { rings: [ring, { ...ring, name: 'two' }] }, 'plan-ring-unreachable'],
    ['names a group that is not there', { rings: [{ ...ring, select: { groups: [nowhere] } }] }, 'agent-group-unknown'],
    ['names a component that is not there', { rings: [ring], components: ['nothing'] }, 'component-unknown'],
    ['sends engines nowhere', { rings: [ring], engines: nowhere }, 'plan-unknown'],
    ['has a delay without minutes', { rings: [{ ...ring, start: { kind: 'delay' } }] }, 'validation-failed'],
    [
      'has a time without a zone',
      { rings: [{ ...ring, start: { kind: 'local-time', time: '22:00' } }] },
      'validation-failed',
    ],
  ])('go by no plan that %s', async (_, plan, code) => {
    const answer = await haishin.api.post('/api/v1/deployment-plans', { name: 'impossible', ...plan });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.code).toBe(code);
    const names = (await haishin.api.get('/api/v1/deployment-plans')).body.items.map((each: Json) => each.name);
    expect(names).toEqual(['safe mode']);
  });

  it('are refused when no ring of the plan takes any of the products', async () => {
    const plan = { name: 'lab only', lateJoiners: false, rings: [{ ...ring, select: { tags: ['lab'] } }] };
    await haishin.api.post('/api/v1/deployment-plans', plan);
    const answer = await haishin.api.post('/api/v1/deployments', { components, targets: all, plan: 'lab only' });
    expect([answer.status, answer.body.code]).toEqual([422, 'plan-selects-nobody']);
  });

  it('keep, change and remove plans', async () => {
    const made = await haishin.api.post('/api/v1/deployment-plans', { name: 'night', rings: [ring] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'night', boundTo: 'none', lateJoiners: true, builtIn: false });
    const path = `/api/v1/deployment-plans/${made.body.id}`;
    const start = { kind: 'local-time', time: '02:00', timeZone: 'Asia/Tokyo' };
    const changed = await haishin.api.put(path, { name: 'night', rings: [{ ...ring, start, concurrency: 5 }] });
    expect(changed.body.rings).toMatchObject([{ start, concurrency: 5, gate: { successShare: 0.9 } }]);
    expect((await haishin.api.post('/api/v1/deployment-plans', { name: 'night', rings: [ring] })).body.code).toBe(
      'plan-exists',
    );
    const behind = { name: 'engines behind', rings: [ring], engines: made.body.id };
    const user = (await haishin.api.post('/api/v1/deployment-plans', behind)).body;
    expect((await haishin.api.call('DELETE', path)).body.code).toBe('plan-in-use');
    expect((await haishin.api.call('DELETE', `/api/v1/deployment-plans/${user.id}`)).status).toBe(204);
    const after = (await haishin.api.get('/api/v1/settings/deployment')).body;
    for (const named of [{ planId: made.body.id }, { enginePlanId: made.body.id }]) {
      await haishin.api.put('/api/v1/settings/deployment', { ...after, ...named });
      expect((await haishin.api.call('DELETE', path)).body).toMatchObject({ status: 409, code: 'plan-in-use' });
    }
    expect((await haishin.api.put('/api/v1/settings/deployment', after)).status).toBe(200);
    expect((await haishin.api.call('DELETE', path)).status).toBe(204);
    expect((await haishin.api.get(path)).body.code).toBe('plan-unknown');
    const safe = (await haishin.api.get('/api/v1/deployment-plans/safe mode')).body;
    expect((await haishin.api.call('DELETE', `/api/v1/deployment-plans/${safe.id}`)).body.code).toBe('plan-built-in');
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

describe('a preview', () => {
  let haishin: TestHaishin;

  beforeAll(async () => {
    haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    await newComponent(haishin.api, 'site-engine', 'engine');
    await newRelease(haishin.api, 'site-rules', '2');
  });

  afterAll(() => haishin.dispose());

  it('says for every product what then happens, and bothers nobody who is current', async () => {
    const { api } = haishin;
    const fleet = await fleetOf(api, { agents: 4, prefix: 'old-', behaviour: { installed: { 'site-rules': '1' } } });
    const current = await fleetOf(api, { agents: 3, prefix: 'new-', behaviour: { installed: { 'site-rules': '2' } } });
    const newer = await fleetOf(api, { agents: 1, prefix: 'top-', behaviour: { installed: { 'site-rules': '3' } } });
    await api.post('/api/v1/agents', { controllerId: 'unlicensed' });
    await api.call('PATCH', '/api/v1/agents/unlicensed', { licences: [] });
    await api.post('/api/v1/agents', { controllerId: 'barred' });
    expect((await api.post('/api/v1/agents/barred/block')).status).toBeLessThan(300);

    const order = { components: ['site-rules'], targets: { all: true } };
    const preview = await api.post('/api/v1/deployments/preview', order);
    expect(preview.status).toBe(200);
    expect(preview.body.summary).toMatchObject({
      deploy: 4,
      skip: 6,
      reasons: { 'already-current': 3, 'newer-installed': 1, 'not-licensed': 1, 'agent-blocked': 1 },
    });
    for (const item of preview.body.items.filter((each: Json) => each.action === 'skip'))
      expect(item.text).toMatchObject({ ja: expect.any(String), en: expect.any(String) });

    const started = [fleet, current, newer].map(({ counters }) => counters.started);
    const { id, commandId } = await deploy(api, order);
    await reached(api, id, 'finished');
    const happened = await targets(api, commandId);
    const foretold = Object.fromEntries(
      preview.body.items.map((each: Json) => [
        each.controllerId,
        each.action === 'deploy' ? 'succeeded' : `skipped ${each.reason}`,
      ]),
    );
    expect(happened).toEqual(foretold);
    expect([fleet, current, newer].map(({ counters }, at) => counters.started - (started[at] ?? 0))).toEqual([4, 0, 0]);
    await Promise.all([fleet.stop(), current.stop(), newer.stop()]);
  });

  it('names rings, and the same rings come', async () => {
    const { api } = haishin;
    const rings = [
      { name: 'one', select: { count: 1 }, start: { kind: 'at-once' }, gate: { approval: true } },
      { name: 'half', select: { percent: 50 }, start: { kind: 'at-once' }, gate: { approval: true } },
      { name: 'rest', select: { all: true }, start: { kind: 'at-once' } },
    ];
    await api.post('/api/v1/deployment-plans', { name: 'three', rings });
    const order = { components: ['site-engine'], targets: { all: true }, plan: 'three' };
    const preview = (await api.post('/api/v1/deployments/preview', order)).body;
    expect(preview.summary.parts[0].rings.map(({ count }: Json) => count)).toEqual([1, 4, 3]);
    const { id } = await deploy(api, order);
    const view = (await api.get(`/api/v1/deployments/${id}`)).body;
    expect(view.rings.map((ring: Json) => ring.counts.held + ring.counts.released)).toEqual([1, 4, 3]);
    expect(view.rings.map((ring: Json) => ring.state)).toEqual(['open', 'waiting', 'waiting']);
    const first = preview.items.find((item: Json) => item.ring?.position === 0).controllerId;
    const target = (await api.get(`/api/v1/commands/${view.commandId}/targets/${first}`)).body;
    expect(target).toMatchObject({ state: 'queued' });
    expect((await api.post(`/api/v1/deployments/${id}/abort`)).body).toMatchObject({ state: 'aborted' });
  });

  it.each([
    ['downloads', ['x', 'y']],
    ['releases', ['2026-01-01T00:00:00Z', 'no uuid']],
    ['deployments', ['yesterday', '00000000-0000-4000-8000-000000000000']],
    ['enrolment-tokens', ['2026-01-01T00:00:00Z']],
    ['deployments', 'nonsense'],
  ])('a cursor that no list gave is refused: %s %j', async (path, key) => {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url');
    expect(await haishin.api.get(`/api/v1/${path}?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'cursor-invalid' },
    });
  });

  it('comes in pages when it is asked to', async () => {
    const order = { components: ['site-engine'], targets: { all: true }, force: true };
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const query: string = next === '' ? '' : `&cursor=${next}`;
      const { body } = await haishin.api.post(`/api/v1/deployments/preview?limit=4${query}`, order);
      seen.push(...body.items.map((each: Json) => each.controllerId));
      next = body.next;
    }
    expect(seen).toHaveLength(10);
    expect(seen).toEqual([...new Set(seen)].sort());
  });
});
