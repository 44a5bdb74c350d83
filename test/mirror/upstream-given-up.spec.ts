import { Bench, faultOf, randomFile, type Handler } from './upstream-server.js';

const { content, sha256, request } = randomFile(3000);

describe('an upstream over HTTP that is to be left alone', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  const faultWith = (handler: Handler) => bench.faultWith(handler, request);

  describe('asks for a pause', () => {
    it.each([
      [429, '120', 120],
      [503, '7', 7],
      [503, '9999999', 86_400],
    ])('status %i with Retry-After %s: busy at once', async (status, value, seconds) => {
      const { fault, server } = await faultWith(
        (_, response) => void response.writeHead(status, { 'retry-after': value }).end(),
      );
      expect(fault).toMatchObject({ code: 'upstream-busy', details: { retryAfterSeconds: seconds } });
      expect(server.requests).toHaveLength(1);
    });

    it('and is not asked again until reset', async () => {
      const server = await bench.serve((_, response) => void response.writeHead(503, { 'retry-after': '60' }).end());
      const source = bench.source(server.origin);
      await faultOf(source.fetchSmall('server.ini', { maxBytes: 10 }));
      const second = await faultOf(source.fetchBlob('a', request));
      expect(second).toMatchObject({ code: 'upstream-busy', details: { retryAfterSeconds: 60, givenUp: true } });
      expect(server.requests).toHaveLength(1);
      source.reset();
      await faultOf(source.fetchBlob('a', request));
      expect(server.requests).toHaveLength(2);
    });
  });

  it('is given up after two files that ended by silence, until reset', async () => {
    const server = await bench.serve(() => undefined);
    const source = bench.source(server.origin);
    const first = await Promise.all([faultOf(source.fetchBlob('a', request)), faultOf(source.fetchBlob('b', request))]);
    expect(first.map(({ code }) => code)).toEqual(['upstream-timeout', 'upstream-timeout']);
    const asked = server.requests.length;
    for (let index = 0; index < 300; index += 1) {
      const fault = await faultOf(source.fetchBlob(`file${index}`, request));
      expect(fault).toMatchObject({ code: 'upstream-timeout', details: { givenUp: true } });
    }
    expect(server.requests).toHaveLength(asked);
    source.reset();
    await faultOf(source.fetchBlob('a', request));
    expect(server.requests.length).toBeGreaterThan(asked);
  });

  it('files that are missing or wrong do not give the source up', async () => {
    const server = await bench.serve((incoming, response) => {
      if (incoming.url === '/good') response.end(content);
      else response.writeHead(404).end();
    });
    const source = bench.source(server.origin);
    for (const name of ['a', 'b', 'c', 'd']) await faultOf(source.fetchBlob(name, request));
    expect((await source.fetchBlob('good', request)).sha256).toBe(sha256);
  });
});
