import { randomUUID } from 'node:crypto';
import { MirrorBench } from '../mirror-run/mirror-bench.js';
import { type ApiAnswer, TEST_TOKEN } from '../support/haishin.js';
import { rawRequest } from '../support/raw-http.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

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

  it('a list where an object is due is told so, in both languages', async () => {
    const send = async (language: string): Promise<string> => {
      const path = '/api/v1/components/virus-pattern/rollback';
      const { status, body } = await bench.api.call('POST', path, [], { 'accept-language': language });
      expect([status, body.code]).toEqual([400, 'validation-failed']);
      return body.detail;
    };
    expect(await send('en')).toBe('Not accepted: body must be an object.');
    expect(await send('ja')).toBe('受け付けられません: body はオブジェクトで指定してください。');
  });

  it('broken JSON, a body that is too large, an unknown path: problems with codes', async () => {
    expect(await send('{"components":')).toMatchObject({ status: 400, body: { code: 'bad-request' } });
    const tooLarge = `{"x":"${'x'.repeat(2_000_000)}"}`;
    expect(await send(tooLarge)).toMatchObject({ status: 413, body: { code: 'body-too-large' } });
    expect(await bench.api.get('/api/v1/absent')).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await bench.api.get('/api/v1/%zz')).toMatchObject({ status: 400, body: { code: 'bad-request' } });
  });
});

async function send(
  body: string | Uint8Array<ArrayBuffer>,
  type = 'application/json',
  path = 'downloads',
): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': type };
  const answer = await fetch(`${bench.haishin.http}/api/v1/${path}`, { method: 'POST', headers, body });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

describe('what would be read as something else', () => {
  it('a body that is not UTF-8 is refused, and nothing is kept of it', async () => {
    const body = Uint8Array.from(Buffer.from('{"controllerId":"caf\xe9"}', 'latin1'));
    expect(await send(body, 'application/json', 'agents')).toMatchObject({
      status: 400,
      body: { code: 'body-not-utf8', detail: expect.stringContaining('UTF-8') as unknown },
    });
    expect((await bench.api.get('/api/v1/agents')).body.items).toEqual([]);
  });

  it.each(['0x10', '1e2', '1.0', ' 5', '+5', ''])('limit=%s is refused', async (limit) => {
    expect(await bench.api.get(`/api/v1/events?limit=${encodeURIComponent(limit)}`)).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', fields: [{ field: 'limit' }] },
    });
  });

  it('so is days=0x10', async () => {
    expect(await bench.api.get('/api/v1/missing-requests?days=0x10')).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', fields: [{ field: 'days' }] },
    });
  });
});

describe('the type of a body', () => {
  it.each(['text/strange', 'text/plain', 'application/x-www-form-urlencoded', 'application/merge-patch+json'])(
    '%s is not taken, and the answer says which are',
    async (type) => {
      expect(await send('{}', type)).toMatchObject({
        status: 415,
        body: { code: 'unsupported-media-type', detail: expect.stringContaining('application/json') as unknown },
      });
    },
  );

  it('without a body means nothing', async () => {
    expect(await send('', 'application/json', `downloads/${randomUUID()}/cancel`)).toMatchObject({
      status: 404,
      body: { code: 'download-unknown' },
    });
    expect(await send('', 'application/json', 'agents')).toMatchObject({
      status: 400,
      body: { code: 'validation-failed' },
    });
    const head = [`Authorization: Bearer ${TEST_TOKEN}`, 'Content-Type: application/json'];
    const { status, text } = await rawRequest(bench.haishin.http, 'DELETE', '/api/v1/agents/absent', head);
    expect(status).toBe(404);
    expect(text).toMatch(/"agent-unknown"/);
  });
});
