import type { Config } from '../../src/config/config.js';
import { DdiClient, type DdiOptions } from '../support/ddi-client.js';
import { ManagedSite } from '../support/managed-site.js';

describe('enrolment and identity', () => {
  let site: ManagedSite;

  beforeAll(async () => {
    // Requests of these tests come from a proxy, so that products can have addresses of their own.
    site = await ManagedSite.start({ config: { trustedProxies: ['127.0.0.1'], clientCertHeader: 'X-Client-CN' } });
  });

  afterAll(() => site.dispose());

  const client = (id: string, options: DdiOptions = {}): DdiClient => new DdiClient(site.haishin.http, id, options);
  const enrolmentToken = async (order: Record<string, unknown>): Promise<{ id: string; token: string }> => {
    const { status, body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'test', ...order });
    expect(status).toBe(201);
    return body as { id: string; token: string };
  };
  const agent = async (id: string) => (await site.api.get(`/api/v1/agents/${id}`)).body;

  it('registers a product, whose token is shown once and opens its own base only', async () => {
    const { status, body } = await site.api.post('/api/v1/agents', { controllerId: 'mx1', tags: ['edge'] });
    expect(status).toBe(201);
    expect(body).toMatchObject({ controllerId: 'mx1', approval: 'approved', state: 'never', tags: ['edge'] });
    const product = client('mx1', { token: body.securityToken as string });
    const poll = await product.poll();
    expect(poll.status).toBe(200);
    expect(poll.headers['content-type']).toContain('application/hal+json');
    expect(poll.body.config.polling.sleep).toMatch(/^00:00:(2[7-9]|3[0-3])$/);
    expect(Object.keys(poll.body._links)).toEqual(['configData']);
    const view = await agent('mx1');
    expect(view).toMatchObject({ approval: 'approved', state: 'online' });
    expect(view.lastContactAt).not.toBeNull();
    expect(JSON.stringify(view)).not.toContain(product.options.token);
    await site.api.post('/api/v1/agents', { controllerId: 'mx2' });
    expect((await client('mx2', product.options).poll()).status).toBe(401);
  });

  it('takes a token of the administrator, and a list, all or none', async () => {
    const securityToken = 'given-by-the-administrator';
    const { body } = await site.api.post('/api/v1/agents', [
      { controllerId: 'l1', securityToken },
      { controllerId: 'l2' },
    ]);
    expect(body).toMatchObject([{ controllerId: 'l1', securityToken }, { controllerId: 'l2' }]);
    expect((await site.api.get('/api/v1/audit?limit=1')).body.items).toMatchObject([
      { action: 'agent.register', object: null, details: { agents: 2, controllerIds: ['l1', 'l2'] } },
    ]);
    expect((await client('l1', { token: securityToken }).poll()).status).toBe(200);
    const again = await site.api.post('/api/v1/agents', [{ controllerId: 'l3' }, { controllerId: 'l1' }]);
    expect(again.body).toMatchObject({ status: 409, code: 'agent-exists', agents: ['l1'] });
    expect((await site.api.get('/api/v1/agents/l3')).status).toBe(404);
    for (const order of [
      {},
      { controllerId: '' },
      { controllerId: 'a b' },
      { controllerId: '@server' },
      { controllerId: 'a/b' },
      [],
      7,
    ])
      expect((await site.api.post('/api/v1/agents', order)).status).toBe(400);
    const stolen = await site.api.post('/api/v1/agents', { controllerId: 'l4', securityToken });
    expect(stolen.body).toMatchObject({ status: 409, code: 'token-in-use' });
  });

  it('says 401 and nothing else to whoever has no right token', async () => {
    for (const [id, options] of [
      ['mx1', {}],
      ['mx1', { token: 'wrong-token-wrong-token' }],
      ['mx1', { token: 'wrong-token-wrong-token', scheme: 'GatewayToken' }],
      ['nobody', { token: 'wrong-token-wrong-token' }],
      ['mx1', { headers: { authorization: 'Bearer test-token-0123456789abcdef' } }],
      ['mx1', { headers: { 'x-client-cn': 'mx2' } }],
    ] as [string, DdiOptions][]) {
      const answer = await client(id, options).poll();
      expect(answer).toMatchObject({ status: 401, text: '' });
      const huge = await client(id, options).call('PUT', '/configData', 'x'.repeat(100));
      expect(huge.status).toBe(401);
      expect((await client(id, options).call('GET', '/what/ever')).status).toBe(401);
    }
    const elsewhere = client('mx1').base.replace('/DEFAULT/', '/OTHER/');
    expect((await client('mx1').call('GET', elsewhere)).status).toBe(401);
  });

  it('knows one tenant', async () => {
    const product = await site.product('tenant');
    expect((await product.call('GET', product.base.replace('/DEFAULT/', '/OTHER/'))).status).toBe(404);
    expect((await product.call('GET', product.base.replace('/DEFAULT/', '/default/'))).status).toBe(200);
    expect((await product.call('GET', '/no/such/thing')).status).toBe(404);
  });

  it('rotates, blocks and removes', async () => {
    const product = await site.product('rot');
    const { body } = await site.api.post('/api/v1/agents/rot/rotate-token');
    expect((await product.poll()).status).toBe(401);
    const rotated = client('rot', { token: body.securityToken as string });
    expect((await rotated.poll()).status).toBe(200);
    expect((await site.api.post('/api/v1/agents/rot/block')).body).toMatchObject({ state: 'blocked' });
    expect((await rotated.poll()).status).toBe(403);
    await site.api.post('/api/v1/agents/rot/approve');
    expect((await rotated.poll()).status).toBe(200);
    expect((await site.api.call('DELETE', '/api/v1/agents/rot')).status).toBe(204);
    expect((await rotated.poll()).status).toBe(401);
    expect((await site.api.call('DELETE', '/api/v1/agents/rot')).body).toMatchObject({ code: 'agent-unknown' });
  });

  it('lets a gateway enrol and act for its agents, and hands out a token of their own', async () => {
    const { token } = await enrolmentToken({ kind: 'gateway' });
    const gateway = client('gw1', { token, scheme: 'GatewayToken' });
    const first = await gateway.poll();
    expect(first.status).toBe(200);
    const own = first.headers['x-haishin-target-token'] as string;
    expect(own.length).toBeGreaterThan(30);
    expect((await gateway.poll()).headers['x-haishin-target-token']).toBeUndefined();
    expect((await client('gw1', { token: own }).poll()).status).toBe(200);
    expect(await agent('gw1')).toMatchObject({ origin: 'enrolled', approval: 'approved' });
    const { body: groups } = await site.api.get('/api/v1/agent-groups');
    expect((await agent('gw1')).groupId).toBe(
      groups.items.find((group: { name: string }) => group.name === 'New Entity').id,
    );
    expect((await gateway.configData({ product: 'Mail Gateway' })).status).toBe(200);
  });

  it('keeps enrolled products waiting when an administrator wants to approve them', async () => {
    const { token } = await enrolmentToken({ kind: 'gateway', autoApprove: false });
    const product = client('wait1', { token, scheme: 'GatewayToken' });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['configData']);
    expect(await agent('wait1')).toMatchObject({ state: 'pending', approval: 'pending' });
    expect((await site.api.get('/api/v1/agents?state=pending')).body.items).toMatchObject([{ controllerId: 'wait1' }]);
    await site.api.post('/api/v1/agents/wait1/approve');
    expect(await agent('wait1')).toMatchObject({ approval: 'approved' });
  });

  it('bounds a token in uses, time and place, and takes it back', async () => {
    const { token, id } = await enrolmentToken({ kind: 'enrolment', uses: 2 });
    const enrol = (name: string) => client(name, { token, scheme: 'GatewayToken' }).poll();
    const answers = await Promise.all(['u1', 'u2', 'u3', 'u4'].map(enrol));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 401, 401]);
    const { body } = await site.api.get('/api/v1/enrolment-tokens');
    expect(body.items.find((each: { id: string }) => each.id === id)).toMatchObject({
      uses: 2,
      usesLeft: 0,
      state: 'used-up',
    });
    expect(JSON.stringify(body)).not.toContain(token);
    const short = await enrolmentToken({
      kind: 'gateway',
      expiresAt: new Date(site.clock.now().getTime() + 60_000).toISOString(),
    });
    expect((await client('t1', { token: short.token, scheme: 'GatewayToken' }).poll()).status).toBe(200);
    site.clock.advance(61_000);
    expect((await client('t1', { token: short.token, scheme: 'GatewayToken' }).poll()).status).toBe(401);
    const revoked = await enrolmentToken({ kind: 'gateway' });
    await site.api.call('DELETE', `/api/v1/enrolment-tokens/${revoked.id}`);
    expect((await client('r1', { token: revoked.token, scheme: 'GatewayToken' }).poll()).status).toBe(401);
    expect(
      (
        await site.api.post('/api/v1/enrolment-tokens', {
          name: 'x',
          kind: 'gateway',
          expiresAt: '2020-01-01T00:00:00Z',
        })
      ).body,
    ).toMatchObject({ code: 'token-expires-in-past' });
  });

  it('keeps the gateway of one folder out of another', async () => {
    const { body: one } = await site.api.post('/api/v1/agent-groups', { name: 'One' });
    const { body: inner } = await site.api.post('/api/v1/agent-groups', { name: 'Inner', parentId: one.id });
    await site.api.post('/api/v1/agent-groups', { name: 'Two' });
    const { token } = await enrolmentToken({ kind: 'gateway', group: 'One' });
    const gateway = { token, scheme: 'GatewayToken' as const };
    expect((await client('one1', gateway).poll()).status).toBe(200);
    expect((await agent('one1')).groupId).toBe(one.id);
    await site.api.call('PATCH', '/api/v1/agents/one1', { group: inner.id });
    expect((await client('one1', gateway).poll()).status).toBe(200);
    await site.api.call('PATCH', '/api/v1/agents/one1', { group: 'Two' });
    expect((await client('one1', gateway).poll()).status).toBe(401);
  });

  it('lets a product that lost its token come back by itself, but not one that a person registered', async () => {
    const { token } = await enrolmentToken({ kind: 'enrolment' });
    const lost = client('lost1', { token, scheme: 'GatewayToken' });
    const first = (await lost.poll()).headers['x-haishin-target-token'] as string;
    const second = (await lost.poll()).headers['x-haishin-target-token'] as string;
    expect(second).not.toBe(first);
    expect((await client('lost1', { token: first }).poll()).status).toBe(401);
    expect((await client('lost1', { token: second }).poll()).status).toBe(200);
    expect((await client('mx1', { token, scheme: 'GatewayToken' }).poll()).status).toBe(401);
    // It opens the way in and nothing else.
    expect((await lost.call('POST', '/deploymentBase/1/feedback', {})).status).toBe(401);
  });

  it('hands no token of a product that came by its certificate to whoever may enrol', async () => {
    const certified = client('cert1', { headers: { 'x-client-cn': 'cert1' } });
    expect((await certified.poll()).status).toBe(200);
    const { token } = await enrolmentToken({ kind: 'enrolment' });
    const claimed = await client('cert1', { token, scheme: 'GatewayToken' }).poll();
    expect(claimed.status).toBe(401);
    expect(claimed.headers['x-haishin-target-token']).toBeUndefined();
    expect((await certified.poll()).status).toBe(200);
  });

  it('tells a product that lost everything a new secret for its wake-up calls', async () => {
    const { token } = await enrolmentToken({ kind: 'enrolment' });
    const callback = { 'haishin.callback': 'http://10.0.0.1/wake' };
    const secret = async (): Promise<unknown> => {
      const { headers } = await client('lost2', { token, scheme: 'GatewayToken' }).poll();
      const product = client('lost2', { token: headers['x-haishin-target-token'] as string });
      const told = (await product.configData(callback)).headers['x-haishin-callback-secret'];
      expect((await product.configData(callback)).headers['x-haishin-callback-secret']).toBeUndefined();
      return told;
    };
    const first = await secret();
    expect(first).toEqual(expect.any(String));
    const second = await secret();
    expect(second).toEqual(expect.any(String));
    expect(second).not.toBe(first);
  });

  it('believes a certificate name from a trusted proxy, in the header that was named', async () => {
    expect((await client('mx1', { headers: { 'x-client-cn': 'mx1' } }).poll()).status).toBe(200);
    expect((await client('mx1', { headers: { 'x-haishin-client-cn': 'mx1' } }).poll()).status).toBe(401);
    // A proxy that adds its header to the client's own.
    expect((await client('mx1', { headers: { 'x-client-cn': 'mx1, mx2' } }).poll()).status).toBe(401);
  });

  it.each<[string, Partial<Config>]>([
    ['without proxies', {}],
    ['behind a proxy that tells no certificate names', { trustedProxies: ['127.0.0.1'] }],
    ['behind another proxy', { trustedProxies: ['10.0.0.1'], clientCertHeader: 'X-Client-CN' }],
  ])('believes no certificate name that a client writes itself, %s', async (_name, config) => {
    const plain = await ManagedSite.start({ config });
    try {
      await plain.product('mx1');
      const headers = { 'x-client-cn': 'mx1', 'x-haishin-client-cn': 'mx1', 'x-forwarded-for': '10.0.0.1' };
      const forged = new DdiClient(plain.haishin.http, 'mx1', { headers });
      expect((await forged.poll()).status).toBe(401);
    } finally {
      await plain.dispose();
    }
  });
});
