import { DataSource } from 'typeorm';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import {
  deploy,
  deployment,
  fleetOf,
  gatewayToken,
  newComponent,
  newRelease,
  reached,
  targets,
  type Json,
} from '../support/products.js';
import { until } from '../support/until.js';
import type { Fleet } from '../../src/fleet/fleet.js';

describe('rings', () => {
  let haishin: TestHaishin;
  let token: string;
  let fleets: Fleet[];
  let version = 1;

  beforeAll(async () => {
    haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    await newComponent(haishin.api, 'site-engine', 'engine');
    token = await gatewayToken(haishin.api);
  });

  afterAll(() => haishin.dispose());

  beforeEach(async () => {
    fleets = [];
    version += 1;
    await newRelease(haishin.api, 'site-rules', String(version));
  });

  afterEach(async () => {
    await Promise.all(fleets.map((fleet) => fleet.stop()));
  });

  async function products(
    options: Partial<Parameters<typeof fleetOf>[1]> & { agents: number; prefix: string },
  ): Promise<Fleet> {
    const fleet = await fleetOf(haishin.api, { token, ...options });
    fleets.push(fleet);
    return fleet;
  }

  const members = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(5, '0')}`);
  const order = (agents: string[], plan: string): object => ({
    components: ['site-rules'],
    targets: { agents },
    plan,
    tries: 1,
  });
  const ring = (name: string, select: object, rest: object = {}): object => ({
    name,
    select,
    start: { kind: 'at-once' },
    gate: { successShare: 1, endedShare: 1 },
    ...rest,
  });
  const plan = async (name: string, rings: object[], rest: object = {}): Promise<void> => {
    const { status, body } = await haishin.api.post('/api/v1/deployment-plans', { name, rings, ...rest });
    if (status !== 201) throw new Error(JSON.stringify(body));
  };

  it('open one after the other, each behind the gate of the one before', async () => {
    await plan('one, two, rest', [
      ring('one', { count: 1 }),
      ring('two', { count: 2 }, { gate: { successShare: 1, approval: true } }),
      ring('rest', { all: true }),
    ]);
    await products({ agents: 6, prefix: 'a-' });
    const { id, commandId } = await deploy(haishin.api, order(members('a-', 6), 'one, two, rest'));
    await until('ring two waits for a person', async () => {
      const { rings } = await deployment(haishin.api, id);
      return rings[1].gate.blockedBy?.code === 'gate-approval';
    });
    const before = await deployment(haishin.api, id);
    expect(before.rings.map((each: Json) => each.state)).toEqual(['passed', 'open', 'waiting']);
    expect(before.counts).toMatchObject({ succeeded: 3, queued: 3 });
    const approved = await haishin.api.post(`/api/v1/deployments/${id}/rings/1/approve`);
    expect(approved.body.rings[1]).toMatchObject({ state: 'passed', approvedBy: expect.any(String) });
    const done = await reached(haishin.api, id, 'finished');
    expect(done.rings.map((each: Json) => each.counts.succeeded)).toEqual([1, 2, 3]);
    const opened = done.rings.map((each: Json) => Date.parse(each.openedAt as string));
    expect(opened).toEqual([...opened].sort((x, y) => x - y));
    expect(Object.values(await targets(haishin.api, commandId))).toEqual(Array(6).fill('succeeded'));
    const again = await haishin.api.post(`/api/v1/deployments/${id}/rings/1/approve`);
    expect([again.status, again.body.code]).toEqual([409, 'deployment-ended']);
  });

  it('pause when too many fail, say what to do, and go on when a person says so', async () => {
    await plan('careful', [ring('half', { percent: 50 }), ring('rest', { all: true })], {
      pauseWhen: { failedShare: 0.5 },
    });
    const fleet = await products({
      agents: 4,
      prefix: 'b-',
      role: (index) => (index < 2 ? 'failing' : 'well-behaved'),
    });
    const { id, commandId } = await deploy(haishin.api, order(members('b-', 4), 'careful'));
    const paused = await reached(haishin.api, id, 'paused');
    expect(paused.reason.code).toMatch(/too-many-failures|gate-unreachable/);
    expect(paused.reason.text.ja).toContain('一時停止');
    expect(paused.rings.map((each: Json) => each.state)).toEqual(['open', 'waiting']);
    expect(fleet.counters.succeeded).toBe(0);
    const { body: events } = await haishin.api.get('/api/v1/events?trigger=deployment');
    expect(events.items[0]).toMatchObject({ outcome: 'paused', code: paused.reason.code });

    const resumed = await haishin.api.post(`/api/v1/deployments/${id}/resume`);
    expect(resumed.status).toBe(200);
    await reached(haishin.api, id, 'finished');
    expect(await targets(haishin.api, commandId)).toEqual({
      'b-00001': 'failed',
      'b-00002': 'failed',
      'b-00003': 'succeeded',
      'b-00004': 'succeeded',
    });
  });

  it('take back at a pause what nobody has fetched, and let it through again', async () => {
    await plan('plain', [ring('all', { all: true }, { concurrency: 100 })]);
    for (const controllerId of members('c-', 3)) await haishin.api.post('/api/v1/agents', { controllerId });
    const { id } = await deploy(haishin.api, { components: ['site-rules'], targets: { agents: members('c-', 3) } });
    const pausedView = (await haishin.api.post(`/api/v1/deployments/${id}/pause`)).body;
    expect(pausedView).toMatchObject({ state: 'paused', reason: { code: 'paused-by-person' } });
    expect(pausedView.rings[0].counts).toMatchObject({ held: 3, released: 0 });
    const twice = await haishin.api.post(`/api/v1/deployments/${id}/pause`);
    expect([twice.status, twice.body.code]).toEqual([409, 'deployment-state']);
    const fleet = await products({ agents: 3, prefix: 'c-' });
    expect(fleet.counters.started).toBe(0);
    await haishin.api.post(`/api/v1/deployments/${id}/resume`);
    await reached(haishin.api, id, 'finished');
    expect(fleet.counters.succeeded).toBe(3);
    const late = await haishin.api.post(`/api/v1/deployments/${id}/resume`);
    expect([late.status, late.body.code]).toEqual([409, 'deployment-ended']);
  });

  it('never let more through at once than the limit says', async () => {
    await plan('two at a time', [ring('all', { all: true }, { concurrency: 2 })]);
    await products({ agents: 8, prefix: 'd-', behaviour: { workMilliseconds: 150 } });
    // In touch is who has been seen; the server writes that down every few seconds.
    await until('all are in touch', async () => {
      const { body } = await haishin.api.get('/api/v1/agents?limit=500');
      return (
        body.items.filter((each: Json) => each.controllerId.startsWith('d-') && each.lastContactAt !== null).length ===
        8
      );
    });
    const { id } = await deploy(haishin.api, order(members('d-', 8), 'two at a time'));
    const seen: number[] = [];
    await until(
      'it is finished',
      async () => {
        const { state, rings } = await deployment(haishin.api, id);
        seen.push(rings[0].counts.released + rings[0].counts.inProgress);
        return state === 'finished';
      },
      45_000,
    );
    expect(Math.max(...seen)).toBe(2);
  });

  it('ask anew what a product needs when its turn comes', async () => {
    await plan('one, then the rest', [
      ring('one', { count: 1 }, { gate: { approval: true } }),
      ring('rest', { all: true }),
    ]);
    const fleet = await products({ agents: 4, prefix: 'h-' });
    const { id, commandId } = await deploy(haishin.api, order(members('h-', 4), 'one, then the rest'));
    const waiting = async (): Promise<string[]> =>
      Object.entries(await targets(haishin.api, commandId)).flatMap(([each, state]) =>
        state === 'queued' ? [each] : [],
      );
    await until('the first is done', async () => (await deployment(haishin.api, id)).counts.succeeded === 1);
    const [current, unlicensed, left] = await waiting();
    const agent = (await haishin.api.get(`/api/v1/agents/${current}`)).body;
    const connection = fleet.agents.find((each) => each.controllerId === agent.controllerId);
    connection!.installed['site-rules'] = String(version);
    await haishin.api.call('PATCH', `/api/v1/agents/${current}`, { configDataWanted: true });
    await haishin.api.call('PATCH', `/api/v1/agents/${unlicensed}`, { licences: [] });
    await until('it has updated itself', async () =>
      JSON.stringify((await haishin.api.get(`/api/v1/agents/${current}`)).body.components).includes(`"${version}"`),
    );
    await haishin.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(haishin.api, id, 'finished');
    expect(await targets(haishin.api, commandId)).toMatchObject({
      [String(current)]: 'skipped already-current',
      [String(unlicensed)]: 'skipped not-licensed',
      [String(left)]: 'succeeded',
    });
  });

  it('fill up a sample that lost products to nothing to do', async () => {
    await plan('one, two, the rest', [
      ring('one', { count: 1 }, { gate: { approval: true } }),
      ring('two', { count: 2 }),
      ring('rest', { all: true }),
    ]);
    await products({ agents: 6, prefix: 'k-' });
    const { id, commandId } = await deploy(haishin.api, order(members('k-', 6), 'one, two, the rest'));
    await until('the first is done', async () => (await deployment(haishin.api, id)).counts.succeeded === 1);
    expect((await deployment(haishin.api, id)).rings.map(({ counts }: Json) => counts.held)).toEqual([0, 2, 3]);
    const states = await targets(haishin.api, commandId);
    const waiting = Object.keys(states).filter((each) => states[each] === 'queued');
    await haishin.api.call('PATCH', `/api/v1/agents/${waiting[0]}`, { licences: [] });
    await haishin.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(haishin.api, id, 'finished');
    const { rings } = await deployment(haishin.api, id);
    expect(rings.map(({ counts }: Json) => counts.succeeded)).toEqual([1, 2, 2]);
    expect(await targets(haishin.api, commandId)).toMatchObject({ [String(waiting[0])]: 'skipped not-licensed' });
  });

  it('reckon who is in touch by the interval that a group has from above', async () => {
    await plan('one at a time', [ring('all', { all: true }, { concurrency: 1 })]);
    const { body: outer } = await haishin.api.post('/api/v1/agent-groups', {
      name: 'rarely',
      pollIntervalSeconds: 86_400,
    });
    const { body: inner } = await haishin.api.post('/api/v1/agent-groups', { name: 'inner', parentId: outer.id });
    await haishin.api.post('/api/v1/agents', { controllerId: 'rare', group: inner.id });
    const database = haishin.server.application()!.get(DataSource);
    await database.query(
      `insert into agent_contact (controller_id, last_contact_at) values ('rare', now() - interval '2 hours')`,
    );
    const { id } = await deploy(haishin.api, order(['rare'], 'one at a time'));
    expect((await deployment(haishin.api, id)).rings[0].counts).toMatchObject({ held: 0, released: 1 });
    await haishin.api.post(`/api/v1/deployments/${id}/abort`);
  });

  it('take in products that join later', async () => {
    await plan('joiners', [ring('first', { count: 1 }, { gate: { approval: true } }), ring('rest', { all: true })], {
      lateJoiners: true,
    });
    const { body: group } = await haishin.api.post('/api/v1/agent-groups', { name: 'branch' });
    const groupToken = await gatewayToken(haishin.api, { group: group.id });
    await products({ agents: 2, prefix: 'e-', token: groupToken });
    const { id, commandId } = await deploy(haishin.api, {
      components: ['site-rules'],
      targets: { groups: [group.id] },
      plan: 'joiners',
    });
    await products({ agents: 1, prefix: 'late-', token: groupToken });
    await products({ agents: 1, prefix: 'elsewhere-' });
    await until(
      'the newcomer is a target',
      async () => 'late-00001' in (await targets(haishin.api, commandId)),
      50_000,
    );
    expect((await deployment(haishin.api, id)).rings[1].counts).toMatchObject({ held: 2 });
    await haishin.api.post(`/api/v1/deployments/${id}/rings/0/approve`);
    await reached(haishin.api, id, 'finished');
    expect(await targets(haishin.api, commandId)).toEqual({
      'e-00001': 'succeeded',
      'e-00002': 'succeeded',
      'late-00001': 'succeeded',
    });
  });

  it('are apart for engines where the plan says so', async () => {
    await plan('engines slowly', [
      ring('first', { count: 1 }, { gate: { approval: true } }),
      ring('rest', { all: true }),
    ]);
    const { body: plans } = await haishin.api.get('/api/v1/deployment-plans');
    const engines = plans.items.find((each: Json) => each.name === 'engines slowly').id;
    await plan('patterns fast', [ring('all', { all: true })], { engines });
    await products({ agents: 3, prefix: 'f-' });
    const { id, commandIds } = await deploy(haishin.api, {
      components: ['site-rules', 'site-engine'],
      targets: { agents: members('f-', 3) },
      plan: 'patterns fast',
    });
    expect(commandIds).toHaveLength(2);
    await until('patterns are through and engines wait', async () => {
      const { parts } = await deployment(haishin.api, id);
      return parts[0].state === 'finished' && parts[1].rings[0].counts.succeeded === 1;
    });
    const view = await deployment(haishin.api, id);
    expect(view.parts.map((part: Json) => part.part)).toEqual(['patterns', 'engines']);
    expect(view).toMatchObject({ state: 'running', endedAt: null });
    // In the list it stands as it stands itself, whatever one of its parts has reached.
    const listed = async (state: string): Promise<Json> =>
      (await haishin.api.get(`/api/v1/deployments?limit=500&state=${state}`)).body.items.find(
        (each: Json) => each.id === id,
      );
    expect(await listed('running')).toMatchObject({ state: 'running', counts: view.counts });
    expect(await listed('finished')).toBeUndefined();
    expect(Object.values(await targets(haishin.api, commandIds[1] ?? '')).sort()).toEqual([
      'queued',
      'queued',
      'succeeded',
    ]);
    await haishin.api.call('POST', `/api/v1/deployments/${id}/rings/0/approve`, { part: 'engines' });
    const done = await reached(haishin.api, id, 'finished');
    expect(done.counts).toMatchObject({ succeeded: 6 });
  });

  it('are passed by a person in spite of failures, and aborted for good', async () => {
    await plan('strict', [ring('first', { count: 1 }), ring('second', { count: 1 }), ring('rest', { all: true })]);
    await products({ agents: 4, prefix: 'g-', role: () => 'failing' });
    const { id, commandId } = await deploy(haishin.api, order(members('g-', 4), 'strict'));
    expect((await reached(haishin.api, id, 'paused')).reason.code).toBe('gate-unreachable');
    const shut = await haishin.api.call('POST', `/api/v1/deployments/${id}/rings/1/approve`, { override: true });
    expect([shut.status, shut.body.code]).toEqual([409, 'ring-not-open']);
    const none = await haishin.api.call('POST', `/api/v1/deployments/${id}/rings/7/approve`, { override: true });
    expect([none.status, none.body.code]).toEqual([404, 'ring-unknown']);
    await haishin.api.call('POST', `/api/v1/deployments/${id}/rings/0/approve`, { override: true });
    await until('the second ring has failed too', async () => {
      const { state, rings } = await deployment(haishin.api, id);
      return state === 'paused' && rings[1].state === 'open';
    });
    const aborted = (await haishin.api.post(`/api/v1/deployments/${id}/abort`)).body;
    expect(aborted).toMatchObject({ state: 'aborted', reason: { code: 'aborted-by-person' } });
    await until('its numbers are written down', async () => (await deployment(haishin.api, id)).endedAt !== null);
    const states = Object.values(await targets(haishin.api, commandId)).sort();
    expect(states).toEqual(['cancelled', 'cancelled', 'failed', 'failed']);
    const kept = (await deployment(haishin.api, id)).rings.map((each: Json) => each.counts.failed);
    expect(kept).toEqual([1, 1, 0]);
  });
});
