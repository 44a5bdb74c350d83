import { randomUUID } from 'node:crypto';
import { ApiTokenService } from '../../src/modules/accounts/accounts.api.js';
import { MirrorBench } from '../mirror-run/mirror-bench.js';
import { ApiCaller } from '../support/haishin.js';
import { rawRequest } from '../support/raw-http.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

async function callerOf(role: 'viewer' | 'operator'): Promise<ApiCaller> {
  const app = bench.haishin.server.application();
  const made = await app?.get(ApiTokenService).create({ name: `${role} ${Math.random()}`, role, createdBy: 'test' });
  return new ApiCaller(bench.haishin.http, made?.token);
}

describe('without a valid token', () => {
  it.each([
    ['GET', '/api/v1/components'],
    ['GET', '/api/v1/absent'],
    ['GET', '/api/v1'],
    ['GET', '/api/v1/'],
    ['GET', '/api/v1?x=1'],
    ['GET', '/api/v1/components/%zz'],
    ['GET', `/api/v1/components/${'x'.repeat(600)}`],
    ['POST', '/api/v1/downloads'],
    ['DELETE', '/api/v1/anything/at/all'],
    ['GET', '/API/V1/components'],
    ['GET', '/%61pi/v1/components'],
    ['GET', '/api/%761/components'],
    ['GET', '/api%2fv1/components'],
    ['GET', '/api/v1%2fcomponents'],
    ['GET', '//api/v1/components'],
    ['GET', '/api//v1/components'],
    ['GET', '/./api/v1/components'],
    ['GET', '/x/../api/v1/components'],
    ['GET', '/api/v1;x/components'],
    ['PUT', '/%61pi/v1/settings/download-schedule'],
    ['POST', '/ap%69/v1/downloads'],
  ])('%s %s tells nothing', async (method, path) => {
    const { status, text } = await rawRequest(bench.haishin.http, method, path);
    expect([401, 404, 400]).toContain(status);
    if (/^\/api\/v1([/?]|$)/i.test(path)) expect(status).toBe(401);
    expect(text).not.toMatch(/virus-pattern|"id"/);
  });

  it.each([
    ['broken JSON', '{"components":', 'application/json'],
    ['another media type', 'a=b', 'text/strange'],
    ['a huge body', `{"x":"${'x'.repeat(3_000_000)}"}`, 'application/json'],
  ])('%s is not looked at', async (_, body, type) => {
    const headers = [`Content-Type: ${type}`, `Content-Length: ${body.length}`];
    // The connection may break while the body is still being sent; the answer must not depend on it.
    const answer = await rawRequest(bench.haishin.http, 'POST', '/api/v1/downloads', headers, body).catch(() => null);
    if (answer !== null) expect(answer.status).toBe(401);
  });

  it.each([
    ['none', {}],
    ['an unknown one', { authorization: 'Bearer not-a-token-of-ours' }],
    ['another scheme', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s: 401 as problem+json, with the scheme to use', async (_, headers) => {
    const answer = await fetch(`${bench.haishin.http}/api/v1/components`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await answer.json()).toMatchObject({
      code: expect.stringMatching(/^token-(missing|invalid)$/) as unknown,
      requestId: answer.headers.get('x-request-id'),
    });
  });

  it('a token that has been revoked or has expired', async () => {
    const tokens = bench.haishin.server.application()?.get(ApiTokenService);
    if (tokens === undefined) throw new Error('the application is not there');
    const past = new Date(Date.now() - 1000);
    const expired = await tokens.create({ name: 'old', role: 'viewer', createdBy: 'test', expiresAt: past });
    const revoked = await tokens.create({ name: 'gone', role: 'viewer', createdBy: 'test' });
    expect((await new ApiCaller(bench.haishin.http, revoked.token).get('/api/v1/components')).status).toBe(200);
    await tokens.revoke('gone');
    for (const { token } of [expired, revoked])
      expect(await new ApiCaller(bench.haishin.http, token).get('/api/v1/components')).toMatchObject({
        status: 401,
        body: { code: 'token-invalid' },
      });
  });
});

describe('roles', () => {
  it('a viewer reads and changes nothing', async () => {
    const viewer = await callerOf('viewer');
    for (const path of ['components', 'downloads', 'events', 'snapshots', 'settings/update-source/state'])
      expect((await viewer.get(`/api/v1/${path}`)).status).toBe(200);
    const setting = (await viewer.get('/api/v1/settings/download-schedule')).body;
    const orders: [string, string, unknown][] = [
      ['POST', 'downloads', {}],
      ['POST', 'components/virus-pattern/rollback', {}],
      ['PUT', 'settings/download-schedule', setting],
      ['PATCH', 'components/virus-pattern', { scheduled: false }],
    ];
    for (const [method, path, body] of orders)
      expect(await viewer.call(method, `/api/v1/${path}`, body)).toMatchObject({
        status: 403,
        body: { code: 'role-insufficient' },
      });
  });

  it('an operator downloads, but leaves the settings to an administrator', async () => {
    const operator = await callerOf('operator');
    expect(await operator.download()).toMatchObject({
      state: 'succeeded',
      startedBy: expect.stringContaining('operator') as unknown,
    });
    const setting = (await operator.get('/api/v1/settings/proxy')).body;
    expect(await operator.put('/api/v1/settings/proxy', setting)).toMatchObject({ status: 403 });
  });

  it('what an operator may not do is what the description says', async () => {
    const operator = await callerOf('operator');
    const { paths } = (await operator.get('/api/openapi.json')).body as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    };
    const refused: string[] = [];
    for (const [path, operations] of Object.entries(paths))
      for (const [verb, { responses }] of Object.entries(operations)) {
        if (!path.startsWith('/api/v1/') || verb === 'get') continue;
        const [method, absent] = [verb.toUpperCase(), path.replace(/\{\w+\}/g, randomUUID())];
        const { status, body } = await operator.call(method, absent, { nothing: 'that is known' });
        expect({ method, path, refused: status === 403 }).toEqual({ method, path, refused: '403' in responses });
        if (status !== 403) continue;
        expect(body).toMatchObject({ code: 'role-insufficient' });
        refused.push(`${method} ${path.replace('/api/v1/', '')}`);
      }
    expect(refused.sort()).toEqual([
      'DELETE agent-groups/{id}',
      'DELETE agents/{controllerId}',
      'DELETE deployment-plans/{id}',
      'DELETE enrolment-tokens/{id}',
      'PATCH agent-groups/{id}',
      'PATCH agents/{controllerId}',
      'PATCH components/{id}',
      'POST agent-groups',
      'POST agents',
      'POST agents/{controllerId}/approve',
      'POST agents/{controllerId}/block',
      'POST agents/{controllerId}/rotate-token',
      'POST components',
      'POST deployment-plans',
      'POST enrolment-tokens',
      'POST retention/run',
      'PUT deployment-plans/{id}',
      'PUT settings/agents',
      'PUT settings/commands',
      'PUT settings/deployment',
      'PUT settings/distribution',
      'PUT settings/download-schedule',
      'PUT settings/licences',
      'PUT settings/proxy',
      'PUT settings/update-source',
    ]);
  });
});
