import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { ApiTokenService } from '../../src/modules/accounts/accounts.api.js';
import { MirrorBench } from '../mirror-run/mirror-bench.js';
import { ApiCaller } from '../support/haishin.js';
import { rawExchange } from '../support/raw-http.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
  for (let n = 0; n < 3; n++) {
    if (n > 0) bench.tree.publish(['spyware-pattern']);
    await bench.api.download();
  }
});
afterAll(() => bench.close());

/** One request with a path exactly as given; `fetch` would tidy it up. */
function raw(
  method: string,
  path: string,
  headers: string[] = [],
  body = '',
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(bench.haishin.http);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        [`${method} ${path} HTTP/1.1`, `Host: ${hostname}`, 'Connection: close', ...headers, '', body].join('\r\n'),
      ),
    );
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }));
  });
}

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
    const { status, text } = await raw(method, path);
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
    const answer = await raw('POST', '/api/v1/downloads', headers, body).catch(() => null);
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

describe('a cache in front', () => {
  const authorised = 'Authorization: Bearer test-token-0123456789abcdef';

  it.each([
    ['GET', '/api/v1/components', [authorised], 200],
    ['HEAD', '/api/v1/components', [authorised], 200],
    ['GET', '/api/v1/components', [], 401],
    ['GET', '/api/v1/absent', [authorised], 404],
    ['GET', '/api/v1/%zz', [authorised], 400],
    ['GET', '/api/v1/events?limit=0', [authorised], 400],
    ['POST', '/api/v1/downloads', [authorised, 'Content-Type: text/strange', 'Content-Length: 0'], 415],
    ['GET', '/api/v1/commands/export?format=csv', [authorised], 200],
    ['GET', '/default/controller/v1/absent', [], 401],
  ])('keeps nothing of %s %s (%j)', async (method, path, headers, status) => {
    const answer = await raw(method, path, headers);
    expect(answer.status).toBe(status);
    expect(answer.text.match(/^cache-control: .*$/gim)).toEqual(['cache-control: no-store']);
  });

  it.each([
    ['/api/v1/stream', 'no-store'],
    ['/metrics', 'no-store'],
    ['/api/openapi.json', 'no-store'],
    ['/api/docs/swagger-ui.css', 'public, max-age=0'],
  ])('is told by %s: %s', async (path, word) => {
    const answer = await fetch(bench.haishin.http + path, {
      headers: { authorization: 'Bearer test-token-0123456789abcdef' },
    });
    await answer.body?.cancel();
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, word]);
  });
});

it('a client that closes its half of the connection is answered; a stream of events, which has no end, is ended', async () => {
  const ask = (path: string): Promise<string> =>
    rawExchange(
      bench.haishin.http,
      `GET ${path} HTTP/1.0\r\nAuthorization: Bearer test-token-0123456789abcdef\r\n\r\n`,
      true,
    );
  expect(await ask('/api/v1/components')).toMatch(/"virus-pattern"/);
  expect(await ask('/api/v1/stream')).toMatch(/retry: 3000/);
});

it('a look at the headers of the event stream ends: nobody is there who listens', async () => {
  const headers = { authorization: 'Bearer test-token-0123456789abcdef' };
  const answer = await fetch(`${bench.haishin.http}/api/v1/stream`, { method: 'HEAD', headers });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
});

it.each(['/healthz', '/readyz?x=/y', '/metrics', '/api/v1/components'])(
  '%s answers to its whole URL as well',
  async (path) => {
    const authorised = 'Authorization: Bearer test-token-0123456789abcdef';
    expect((await raw('GET', `http://mirror.example${path}`, [authorised])).status).toBe(200);
    expect((await raw('GET', `http://mirror.example/x${path}`, [authorised])).status).toBe(404);
  },
);

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
      state: 'unchanged',
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

describe('bad input', () => {
  it('names every fault at once', async () => {
    const put = await bench.api.put('/api/v1/settings/download-schedule', {
      enabled: 'yes',
      frequency: 'sometimes',
      minute: 7,
      time: '25:00',
      weekday: 9,
      timeZone: 'Mars/Olympus',
      exceptions: { days: ['2026-13-01'], weekdays: [7], hours: [{ from: '8', to: '18:00' }] },
      surprise: true,
    });
    expect(put).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
    expect(put.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const fields = (put.body.fields as { field: string }[]).map(({ field }) => field);
    for (const field of ['enabled', 'frequency', 'minute', 'time', 'weekday', 'timeZone', 'surprise'])
      expect(fields).toContain(field);
    for (const field of ['exceptions.days', 'exceptions.weekdays', 'exceptions.hours.0.from'])
      expect(fields).toContain(field);
    expect((await bench.api.get('/api/v1/settings/download-schedule')).body.frequency).toBe('every-15-minutes');
  });

  it.each(['components/%00', 'components/x/rollback%00', 'releases/%00', 'snapshots/%00', 'events?component=%00'])(
    'a NUL in %s',
    async (path) => {
      const answer = await bench.api.get(`/api/v1/${path}`);
      expect([400, 404]).toContain(answer.status);
      expect(answer.body.code).not.toBe('internal');
    },
  );

  it.each([
    ['an unknown field', { component: ['virus-pattern'] }],
    ['no list', { components: 'virus-pattern' }],
    ['an empty list', { components: [] }],
    ['no texts', { components: [1] }],
    ['too many', { components: Array.from({ length: 1001 }, (_, n) => `c${n}`) }],
    ['a list as a whole', ['virus-pattern']],
  ])('of a download: %s', async (_, body) => {
    expect(await bench.api.post('/api/v1/downloads', body)).toMatchObject({
      status: 400,
      body: { code: 'validation-failed' },
    });
  });

  it('an unknown component is said to be that', async () => {
    expect(await bench.api.post('/api/v1/downloads', { components: ['virus-pattern', 'absent'] })).toMatchObject({
      status: 404,
      body: { code: 'component-unknown', component: 'absent' },
    });
  });

  it('broken JSON, a body that is too large, an unknown path: problems with codes', async () => {
    const headers = { authorization: 'Bearer test-token-0123456789abcdef', 'content-type': 'application/json' };
    const send = (body: string): Promise<Response> =>
      fetch(`${bench.haishin.http}/api/v1/downloads`, { method: 'POST', headers, body });
    expect(await (await send('{"components":')).json()).toMatchObject({ status: 400, code: 'bad-request' });
    expect(await (await send(`{"x":"${'x'.repeat(2_000_000)}"}`)).json()).toMatchObject({
      status: 413,
      code: 'body-too-large',
    });
    const strange = { ...headers, 'content-type': 'text/strange' };
    const answer = await fetch(`${bench.haishin.http}/api/v1/downloads`, {
      method: 'POST',
      headers: strange,
      body: 'x',
    });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({ status: 415, code: 'unsupported-media-type' });
    expect(await bench.api.get('/api/v1/absent')).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await bench.api.get('/api/v1/%zz')).toMatchObject({ status: 400, body: { code: 'bad-request' } });
  });
});

describe('lists', () => {
  it.each(['downloads', 'snapshots', 'releases', 'events', 'components', 'channels'])(
    '%s come in pages that add up',
    async (list) => {
      const whole = (await bench.api.get(`/api/v1/${list}?limit=500`)).body;
      expect(whole.next).toBeNull();
      expect(whole.items.length).toBeGreaterThan(list === 'channels' ? 1 : 2);
      const paged: unknown[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const { body }: { body: { items: unknown[]; next: string | null } } = await bench.api.get(
          `/api/v1/${list}?limit=${list === 'channels' ? 1 : 2}${query}`,
        );
        expect(body.items.length).toBeLessThanOrEqual(2);
        paged.push(...body.items);
        cursor = body.next;
      }
      expect(paged).toEqual(whole.items);
    },
  );

  it.each([
    ['limit=0', 'validation-failed'],
    ['limit=501', 'validation-failed'],
    ['limit=ten', 'validation-failed'],
    ['limit=1.5', 'validation-failed'],
    ['cursor=nonsense', 'cursor-invalid'],
    [`cursor=${Buffer.from('[1,2,3,4,5]').toString('base64url')}`, 'cursor-invalid'],
    [`cursor=${Buffer.from('["x","y"]').toString('base64url')}`, 'cursor-invalid'],
    [`cursor=${Buffer.from('{}').toString('base64url')}`, 'cursor-invalid'],
    ['surprise=1', 'validation-failed'],
  ])('?%s is refused', async (query, code) => {
    for (const list of ['downloads', 'releases', 'components', 'channels'])
      expect(await bench.api.get(`/api/v1/${list}?${query}`)).toMatchObject({ status: 400, body: { code } });
  });

  it.each(['trigger=bogus', 'trigger=', 'outcome=zz', 'outcome=succeeded'])('events?%s is refused', async (query) => {
    const answer = await bench.api.get(`/api/v1/events?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  });

  it.each(['events', 'snapshots'])('a cursor of another kind is refused by %s', async (list) => {
    for (const key of ['["x y"]', '["\u0000"]', '[{}]', '[1e999]']) {
      const answer = await bench.api.get(`/api/v1/${list}?cursor=${Buffer.from(key).toString('base64url')}`);
      expect([200, 400]).toContain(answer.status);
    }
  });
});

describe('orders that are sent twice', () => {
  const order = (key: string, body: unknown = {}): ReturnType<ApiCaller['call']> =>
    bench.api.call('POST', '/api/v1/downloads', body, { 'idempotency-key': key });

  it('are carried out once', async () => {
    const first = await order('once-1');
    await bench.api.ended(first.body.id as string);
    const second = await order('once-1');
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect((await bench.api.get('/api/v1/downloads?limit=1')).body.items[0].id).toBe(first.body.id);
    const third = await order('once-2');
    expect(third.body.id).not.toBe(first.body.id);
    await bench.api.ended(third.body.id as string);
  });

  it('stand in the audit with the id of the request', async () => {
    const order = await bench.api.post('/api/v1/downloads');
    await bench.api.ended(order.body.id as string);
    const { body } = await bench.api.get('/api/v1/audit?limit=1');
    expect(body.items[0]).toMatchObject({
      action: 'download.start',
      object: order.body.id,
      requestId: order.headers.get('x-request-id'),
    });
  });

  it('at the same moment: one is carried out', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => order('burst')));
    const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id as string));
    expect(ids.size).toBe(1);
    for (const { status, body } of answers)
      if (status !== 202) expect([status, body.code]).toEqual([409, 'idempotency-in-progress']);
    for (const id of ids) await bench.api.ended(id);
  });

  it('with another body are refused', async () => {
    const first = await order('reused', { components: ['virus-pattern'] });
    await bench.api.ended(first.body.id as string);
    expect(await order('reused', { components: ['spyware-pattern'] })).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
  });

  it('after the first one failed may be sent again', async () => {
    expect(await order('again', { components: ['absent'] })).toMatchObject({ status: 404 });
    expect(await order('again', { components: ['absent'] })).toMatchObject({ status: 404 });
  });

  it('with a key that is none are refused', async () => {
    expect(await order('x'.repeat(201))).toMatchObject({ status: 400, body: { code: 'idempotency-key-invalid' } });
  });
});
