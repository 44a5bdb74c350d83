import { startHaishin, type TestHaishin } from '../support/haishin.js';
import type { Json } from '../support/products.js';

describe('deployment plans', () => {
  let haishin: TestHaishin;

  beforeAll(async () => {
    haishin = await startHaishin();
  });
  afterAll(() => haishin.dispose());

  const nowhere = '11111111-1111-4111-8111-111111111111';
  const ring = { name: 'one', select: { all: true }, start: { kind: 'at-once' } };

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
  ])('are not made that %s', async (_, plan, code) => {
    const answer = await haishin.api.post('/api/v1/deployment-plans', { name: 'impossible', ...plan });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.code).toBe(code);
    const names = (await haishin.api.get('/api/v1/deployment-plans')).body.items.map((each: Json) => each.name);
    expect(names).toEqual(['safe mode']);
  });

  it('keep the groups that their rings name, in whatever letters', async () => {
    const group = (await haishin.api.post('/api/v1/agent-groups', { name: 'canaries' })).body.id as string;
    const groups = [group.toUpperCase()];
    const made = await haishin.api.post('/api/v1/deployment-plans', {
      name: 'canaries first',
      rings: [{ ...ring, select: { groups } }],
    });
    // Products are compared with it: their groups are written in small letters.
    expect(made.body.rings).toMatchObject([{ select: { groups: [group] } }]);
    const remove = () => haishin.api.call('DELETE', `/api/v1/agent-groups/${group}`);
    expect((await remove()).body).toMatchObject({ status: 409, code: 'agent-group-in-use', plan: 'canaries first' });
    await haishin.api.call('DELETE', `/api/v1/deployment-plans/${made.body.id}`);
    expect((await remove()).status).toBe(204);
    const late = await haishin.api.post('/api/v1/deployment-plans', {
      name: 'too late',
      rings: [{ ...ring, select: { groups } }],
    });
    expect(late.body).toMatchObject({ status: 404, code: 'agent-group-unknown' });
  });

  it('are made, changed and removed', async () => {
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
});
