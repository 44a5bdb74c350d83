import { FleetService } from '../../src/modules/agents/agents.api.js';
import { ContactRecorder } from '../../src/modules/agents/contact-recorder.js';
import { ManagedSite } from '../support/managed-site.js';

describe('the tree of groups and the list of products', () => {
  let site: ManagedSite;

  beforeAll(async () => {
    site = await ManagedSite.start();
  });

  afterAll(() => site.dispose());

  const group = async (name: string, more: Record<string, unknown> = {}): Promise<string> => {
    const { status, body } = await site.api.post('/api/v1/agent-groups', { name, ...more });
    expect(status).toBe(201);
    return body.id as string;
  };
  const patch = (id: string, body: unknown) => site.api.call('PATCH', `/api/v1/agent-groups/${id}`, body);
  const names = async (query: string): Promise<string[]> =>
    (await site.api.get(`/api/v1/agents?${query}`)).body.items.map(
      (item: { controllerId: string }) => item.controllerId,
    );

  it('refuses rings, doubles and what is not there', async () => {
    const top = await group('top');
    const middle = await group('middle', { parentId: top });
    const bottom = await group('bottom', { parentId: middle });
    expect((await patch(top, { parentId: bottom })).body).toMatchObject({ status: 422, code: 'agent-group-cycle' });
    expect((await patch(top, { parentId: top })).body).toMatchObject({ code: 'agent-group-cycle' });
    expect((await site.api.post('/api/v1/agent-groups', { name: 'middle', parentId: top })).body).toMatchObject({
      code: 'agent-group-exists',
    });
    expect((await site.api.post('/api/v1/agent-groups', { name: 'top' })).body).toMatchObject({
      code: 'agent-group-exists',
    });
    expect(
      (await site.api.post('/api/v1/agent-groups', { name: 'x', parentId: 'not-an-id' })).status,
    ).toBeGreaterThanOrEqual(400);
    expect((await site.api.get(`/api/v1/agent-groups/${bottom}`)).body).toMatchObject({
      path: ['top', 'middle', 'bottom'],
    });
    expect((await site.api.call('DELETE', `/api/v1/agent-groups/${middle}`)).body).toMatchObject({
      code: 'agent-group-not-empty',
    });
    expect((await patch(bottom, { parentId: null })).status).toBe(200);
    expect((await site.api.call('DELETE', `/api/v1/agent-groups/${middle}`)).status).toBe(204);
    const { body } = await site.api.get('/api/v1/agent-groups');
    const built = body.items.find((each: { builtIn: boolean }) => each.builtIn);
    expect(built.name).toBe('New Entity');
    expect((await site.api.call('DELETE', `/api/v1/agent-groups/${built.id}`)).body).toMatchObject({
      code: 'agent-group-built-in',
    });
    expect((await patch(built.id as string, { name: 'Old Entity' })).body).toMatchObject({
      code: 'agent-group-built-in',
    });
  });

  it('comes in pages, and so do enrolment tokens', async () => {
    const pages = async (path: string): Promise<string[]> => {
      const found: string[] = [];
      for (let cursor = ''; ;) {
        const { body } = await site.api.get(`/api/v1/${path}?limit=2${cursor}`);
        expect(body.items.length).toBeLessThanOrEqual(2);
        found.push(...body.items.map((each: { name: string }) => each.name));
        if (body.next === null) return found;
        cursor = `&cursor=${body.next}`;
      }
    };
    const { body: all } = await site.api.get('/api/v1/agent-groups?limit=500');
    expect(all.items.length).toBeGreaterThan(2);
    expect(await pages('agent-groups')).toEqual(all.items.map((each: { name: string }) => each.name));
    for (const name of ['one', 'two', 'three']) {
      site.clock.advance(1000);
      await site.api.post('/api/v1/enrolment-tokens', { name, kind: 'enrolment' });
    }
    expect(await pages('enrolment-tokens')).toEqual(['three', 'two', 'one']);
    expect((await site.api.get('/api/v1/agent-groups?cursor=nonsense')).body.code).toBe('cursor-invalid');
  });

  it('two people who move two groups at once make no ring', async () => {
    const [a, b] = [await group('ring-a'), await group('ring-b')];
    const answers = await Promise.all([patch(a, { parentId: b }), patch(b, { parentId: a })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  });

  it('gives intervals down the tree, and products feel it with their next poll', async () => {
    const outer = await group('outer', { pollIntervalSeconds: 60 });
    const inner = await group('inner', { parentId: outer });
    const product = await site.product('interval');
    await site.api.call('PATCH', '/api/v1/agents/interval', { group: inner });
    expect((await product.poll()).body.config.polling.sleep).toMatch(/^00:0[01]:\d\d$/);
    await patch(inner, { pollIntervalSeconds: 7200 });
    expect((await product.poll()).body.config.polling.sleep).toMatch(/^0[12]:\d\d:\d\d$/);
    expect((await patch(inner, { pollIntervalSeconds: 5 })).status).toBe(400);
  });

  it('lists by group with subgroups, state, tag, product and text', async () => {
    const site1 = await group('site1');
    await group('floor', { parentId: site1 });
    await site.product('list-a');
    await site.product('list-b', { product: 'Other Gateway', hostname: 'mail.example' });
    await site.api.post('/api/v1/agents', {
      controllerId: 'list-c',
      name: 'Third',
      group: 'floor',
      tags: ['edge', 'dmz'],
    });
    await site.api.call('PATCH', '/api/v1/agents/list-b', { group: site1 });
    await site.get(ContactRecorder).flush();
    expect(await names(`group=${site1}`)).toEqual(['list-b', 'list-c']);
    expect(await names('group=floor')).toEqual(['list-c']);
    expect(await names('tag=dmz')).toEqual(['list-c']);
    expect(await names('product=Other%20Gateway')).toEqual(['list-b']);
    expect(await names('text=MAIL.ex')).toEqual(['list-b']);
    expect(await names('text=third')).toEqual(['list-c']);
    expect(await names('text=%25')).toEqual([]);
    expect(await names('state=never&text=list')).toEqual(['list-c']);
    expect(await names('state=online&text=list')).toEqual(['list-a', 'list-b']);
    site.clock.advance(50 * 60_000);
    expect(await names('state=overdue&text=list')).toEqual(['list-a', 'list-b']);
    site.clock.advance(3 * 3_600_000);
    expect(await names('state=offline&text=list')).toEqual(['list-a', 'list-b']);
    expect((await site.api.get('/api/v1/agents/list-a')).body).toMatchObject({ state: 'offline' });
    const first = (await site.api.get('/api/v1/agents?limit=1&text=list')).body;
    expect(await names(`limit=10&text=list&cursor=${first.next}`)).toEqual(['list-b', 'list-c']);
    expect(await names('duplicates=false&text=list')).toEqual(['list-a', 'list-b', 'list-c']);
    for (const wrong of ['state=happy', 'duplicates=x', 'duplicates=', 'group='])
      expect((await site.api.get(`/api/v1/agents?${wrong}`)).body).toMatchObject({
        status: 400,
        code: 'validation-failed',
      });
  });

  it('selects for deployments the union of what is named', async () => {
    const fleet = site.get(FleetService);
    const { body } = await site.api.get('/api/v1/agent-groups');
    const id = (name: string): string => body.items.find((each: { name: string }) => each.name === name).id as string;
    const selected = async (selection: Parameters<FleetService['select']>[0]) =>
      (await fleet.select(selection)).map((member) => member.controllerId);
    expect(await selected({ groups: [id('site1')], agents: ['list-a', 'list-b'] })).toEqual([
      'list-a',
      'list-b',
      'list-c',
    ]);
    expect(await selected({ tags: ['edge', 'nothing'] })).toEqual(['list-c']);
    expect(await selected({ productTypes: ['Other Gateway'] })).toEqual(['list-b']);
    expect(await selected({})).toEqual([]);
    expect((await selected({ all: true })).length).toBeGreaterThan(3);
    await expect(fleet.select({ agents: ['list-a', 'nobody'] })).rejects.toMatchObject({
      code: 'agent-unknown',
      details: { agents: ['nobody'] },
    });
    await expect(fleet.select({ groups: ['nonsense'] })).rejects.toMatchObject({ code: 'agent-group-unknown' });
  });

  it('lets viewers read, and writes down who changed what', async () => {
    expect((await fetch(`${site.haishin.http}/api/v1/agents`)).status).toBe(401);
    const { body } = await site.api.get('/api/v1/audit?limit=500');
    const actions = new Set((body.items as { action: string }[]).map((entry) => entry.action));
    for (const action of [
      'agent.register',
      'agent.change',
      'agent-group.create',
      'agent-group.change',
      'agent-group.remove',
    ])
      expect([action, actions.has(action)]).toEqual([action, true]);
    expect(JSON.stringify(body)).not.toContain('securityToken":"');
  });
});
