import { MirrorBench } from '../mirror-run/mirror-bench.js';
import { TEST_TOKEN } from '../support/haishin.js';
import { rawExchange, rawRequest } from '../support/raw-http.js';

const AUTHORISED = `Authorization: Bearer ${TEST_TOKEN}`;

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

describe('a cache in front', () => {
  it.each([
    ['GET', '/api/v1/components', [AUTHORISED], 200],
    ['HEAD', '/api/v1/components', [AUTHORISED], 200],
    ['GET', '/api/v1/components', [], 401],
    ['GET', '/api/v1/absent', [AUTHORISED], 404],
    ['GET', '/api/v1/%zz', [AUTHORISED], 400],
    ['GET', '/api/v1/events?limit=0', [AUTHORISED], 400],
    ['POST', '/api/v1/downloads', [AUTHORISED, 'Content-Type: text/strange', 'Content-Length: 0'], 415],
    ['GET', '/api/v1/commands/export?format=csv', [AUTHORISED], 200],
    ['GET', '/default/controller/v1/absent', [], 401],
  ])('keeps nothing of %s %s (%j)', async (method, path, headers, status) => {
    const answer = await rawRequest(bench.haishin.http, method, path, headers);
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
      headers: { authorization: `Bearer ${TEST_TOKEN}` },
    });
    await answer.body?.cancel();
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, word]);
  });
});

it('a client that closes its half of the connection is answered; a stream of events, which has no end, is ended', async () => {
  const ask = (path: string): Promise<string> =>
    rawExchange(bench.haishin.http, `GET ${path} HTTP/1.0\r\n${AUTHORISED}\r\n\r\n`, true);
  expect(await ask('/api/v1/components')).toMatch(/"virus-pattern"/);
  expect(await ask('/api/v1/stream')).toMatch(/retry: 3000/);
});

it('asked for its head alone, a stream of events has an end as well', async () => {
  const { status, text } = await rawRequest(bench.haishin.http, 'HEAD', '/api/v1/stream', [AUTHORISED]);
  expect(status).toBe(200);
  expect(text).toMatch(/^content-type: text\/event-stream[^]*\r\n\r\n$/m);
});

it.each(['/healthz', '/readyz?x=/y', '/metrics', '/api/v1/components'])(
  '%s answers to its whole URL as well',
  async (path) => {
    expect((await rawRequest(bench.haishin.http, 'GET', `http://mirror.example${path}`, [AUTHORISED])).status).toBe(
      200,
    );
    expect((await rawRequest(bench.haishin.http, 'GET', `http://mirror.example/x${path}`, [AUTHORISED])).status).toBe(
      404,
    );
  },
);
