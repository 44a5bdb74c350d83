import { deploy, deployment, reached, targets, type Json } from '../support/products.js';
import { members, order, ring, RingSite } from '../support/ring-site.js';
import { until } from '../support/until.js';

describe('rings', () => {
  let site: RingSite;

  beforeAll(async () => {
    site = await RingSite.start();
  });
  afterAll(() => site.dispose());
  beforeEach(() => site.newRelease());
  afterEach(() => site.stopProducts());

  it('open one after the other, each behind the gate of the one before', async () => {
    await site.plan('one, two, rest', [
      ring('one', { count: 1 }),
      ring('two', { count: 2 }, { gate: { successShare: 1, approval: true } }),
      ring('rest', { all: true }),
    ]);
    await site.products({ agents: 6, prefix: 'a-' });
    const { id, commandId } = await deploy(site.api, order(members('a-', 6), 'one, two, rest'));
    await until('ring two waits for a person', async () => {
      const { rings } = await deployment(site.api, id);
      return rings[1].gate.blockedBy?.code === 'gate-approval';
    });
    const before = await deployment(site.api, id);
    expect(before.rings.map((each: Json) => each.state)).toEqual(['passed', 'open', 'waiting']);
    expect(before.counts).toMatchObject({ succeeded: 3, queued: 3 });
    const approved = await site.api.post(`/api/v1/deployments/${id}/rings/1/approve`);
    expect(approved.body.rings[1]).toMatchObject({ state: 'passed', approvedBy: expect.any(String) });
    const done = await reached(site.api, id, 'finished');
    expect(done.rings.map((each: Json) => each.counts.succeeded)).toEqual([1, 2, 3]);
    const opened = done.rings.map((each: Json) => Date.parse(each.openedAt as string));
    expect(opened).toEqual([...opened].sort((x, y) => x - y));
    expect(Object.values(await targets(site.api, commandId))).toEqual(Array(6).fill('succeeded'));
    const again = await site.api.post(`/api/v1/deployments/${id}/rings/1/approve`);
    expect([again.status, again.body.code]).toEqual([409, 'deployment-ended']);
  });

  it('pause when too many fail, say what to do, and go on when a person says so', async () => {
    await site.plan('careful', [ring('half', { percent: 50 }), ring('rest', { all: true })], {
      pauseWhen: { failedShare: 0.5 },
    });
    const fleet = await site.products({
      agents: 4,
      prefix: 'b-',
      role: (index) => (index < 2 ? 'failing' : 'well-behaved'),
    });
    const { id, commandId } = await deploy(site.api, order(members('b-', 4), 'careful'));
    const paused = await reached(site.api, id, 'paused');
    expect(paused.reason.code).toMatch(/too-many-failures|gate-unreachable/);
    expect(paused.reason.text.ja).toContain('一時停止');
    expect(paused.rings.map((each: Json) => each.state)).toEqual(['open', 'waiting']);
    expect(fleet.counters.succeeded).toBe(0);
    const { body: events } = await site.api.get('/api/v1/events?trigger=deployment');
    expect(events.items[0]).toMatchObject({ outcome: 'paused', code: paused.reason.code });

    const resumed = await site.api.post(`/api/v1/deployments/${id}/resume`);
    expect(resumed.status).toBe(200);
    await reached(site.api, id, 'finished');
    expect(await targets(site.api, commandId)).toEqual({
      'b-00001': 'failed',
      'b-00002': 'failed',
      'b-00003': 'succeeded',
      'b-00004': 'succeeded',
    });
  });

  it('take back at a pause what nobody has fetched, and let it through again', async () => {
    await site.plan('plain', [ring('all', { all: true }, { concurrency: 100 })]);
    for (const controllerId of members('c-', 3)) await site.api.post('/api/v1/agents', { controllerId });
    const { id } = await deploy(site.api, { components: ['site-rules'], targets: { agents: members('c-', 3) } });
    const pausedView = (await site.api.post(`/api/v1/deployments/${id}/pause`)).body;
    expect(pausedView).toMatchObject({ state: 'paused', reason: { code: 'paused-by-person' } });
    expect(pausedView.rings[0].counts).toMatchObject({ held: 3, released: 0 });
    const twice = await site.api.post(`/api/v1/deployments/${id}/pause`);
    expect([twice.status, twice.body.code]).toEqual([409, 'deployment-state']);
    const fleet = await site.products({ agents: 3, prefix: 'c-' });
    expect(fleet.counters.started).toBe(0);
    await site.api.post(`/api/v1/deployments/${id}/resume`);
    await reached(site.api, id, 'finished');
    expect(fleet.counters.succeeded).toBe(3);
    const late = await site.api.post(`/api/v1/deployments/${id}/resume`);
    expect([late.status, late.body.code]).toEqual([409, 'deployment-ended']);
  });

  it('never let more through at once than the limit says', async () => {
    await site.plan('two at a time', [ring('all', { all: true }, { concurrency: 2 })]);
    await site.products({ agents: 8, prefix: 'd-', behaviour: { workMilliseconds: 150 } });
    // In touch is who has been seen; the server writes that down every few seconds.
    await until('all are in touch', async () => {
      const { body } = await site.api.get('/api/v1/agents?limit=500');
      return (
        body.items.filter((each: Json) => each.controllerId.startsWith('d-') && each.lastContactAt !== null).length ===
        8
      );
    });
    const { id } = await deploy(site.api, order(members('d-', 8), 'two at a time'));
    const seen: number[] = [];
    await until(
      'it is finished',
      async () => {
        const { state, rings } = await deployment(site.api, id);
        seen.push(rings[0].counts.released + rings[0].counts.inProgress);
        return state === 'finished';
      },
      45_000,
    );
    expect(Math.max(...seen)).toBe(2);
  });

  it('are apart for engines where the plan says so', async () => {
    await site.plan('engines slowly', [
      ring('first', { count: 1 }, { gate: { approval: true } }),
      ring('rest', { all: true }),
    ]);
    const { body: plans } = await site.api.get('/api/v1/deployment-plans');
    const engines = plans.items.find((each: Json) => each.name === 'engines slowly').id;
    await site.plan('patterns fast', [ring('all', { all: true })], { engines });
    await site.products({ agents: 3, prefix: 'f-' });
    const { id, commandIds } = await deploy(site.api, {
      components: ['site-rules', 'site-engine'],
      targets: { agents: members('f-', 3) },
      plan: 'patterns fast',
    });
    expect(commandIds).toHaveLength(2);
    await until('patterns are through and engines wait', async () => {
      const { parts } = await deployment(site.api, id);
      return parts[0].state === 'finished' && parts[1].rings[0].counts.succeeded === 1;
    });
    const view = await deployment(site.api, id);
    expect(view.parts.map((part: Json) => part.part)).toEqual(['patterns', 'engines']);
    expect(view).toMatchObject({ state: 'running', endedAt: null });
    // In the list it stands as it stands itself, whatever one of its parts has reached.
    const listed = async (state: string): Promise<Json> =>
      (await site.api.get(`/api/v1/deployments?limit=500&state=${state}`)).body.items.find(
        (each: Json) => each.id === id,
      );
    expect(await listed('running')).toMatchObject({ state: 'running', counts: view.counts });
    expect(await listed('finished')).toBeUndefined();
    expect(Object.values(await targets(site.api, commandIds[1] ?? '')).sort()).toEqual([
      'queued',
      'queued',
      'succeeded',
    ]);
    await site.api.call('POST', `/api/v1/deployments/${id}/rings/0/approve`, { part: 'engines' });
    const done = await reached(site.api, id, 'finished');
    expect(done.counts).toMatchObject({ succeeded: 6 });
  });

  it('are passed by a person in spite of failures, and aborted for good', async () => {
    await site.plan('strict', [ring('first', { count: 1 }), ring('second', { count: 1 }), ring('rest', { all: true })]);
    await site.products({ agents: 4, prefix: 'g-', role: () => 'failing' });
    const { id, commandId } = await deploy(site.api, order(members('g-', 4), 'strict'));
    expect((await reached(site.api, id, 'paused')).reason.code).toBe('gate-unreachable');
    const shut = await site.api.call('POST', `/api/v1/deployments/${id}/rings/1/approve`, { override: true });
    expect([shut.status, shut.body.code]).toEqual([409, 'ring-not-open']);
    const none = await site.api.call('POST', `/api/v1/deployments/${id}/rings/7/approve`, { override: true });
    expect([none.status, none.body.code]).toEqual([404, 'ring-unknown']);
    await site.api.call('POST', `/api/v1/deployments/${id}/rings/0/approve`, { override: true });
    await until('the second ring has failed too', async () => {
      const { state, rings } = await deployment(site.api, id);
      return state === 'paused' && rings[1].state === 'open';
    });
    const aborted = (await site.api.post(`/api/v1/deployments/${id}/abort`)).body;
    expect(aborted).toMatchObject({ state: 'aborted', reason: { code: 'aborted-by-person' } });
    await until('its numbers are written down', async () => (await deployment(site.api, id)).endedAt !== null);
    const states = Object.values(await targets(site.api, commandId)).sort();
    expect(states).toEqual(['cancelled', 'cancelled', 'failed', 'failed']);
    const kept = (await deployment(site.api, id)).rings.map((each: Json) => each.counts.failed);
    expect(kept).toEqual([1, 1, 0]);
  });
});
