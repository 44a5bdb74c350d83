import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { fleetOf, newComponent, newRelease, deploy, reached, targets, type Json } from '../support/products.js';

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
