import { Bench, faultOf, randomFile, type Handler } from './upstream-server.js';

const { content, sha256, request } = randomFile(3000);

describe('redirects of an upstream over HTTP', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  const faultWith = (handler: Handler) => bench.faultWith(handler, request);

  it('to another host or port is refused, and the other is never asked', async () => {
    const other = await bench.serve((_, response) => void response.end(content));
    const { fault } = await faultWith(
      (_, response) => void response.writeHead(302, { location: `${other.origin}/a?token=1` }).end(),
    );
    expect(fault).toMatchObject({
      code: 'upstream-redirect-refused',
      details: { location: `${other.origin}/a?token=1` },
    });
    expect(other.requests).toHaveLength(0);
  });

  it('to an allowed host is followed', async () => {
    const other = await bench.serve((_, response) => void response.end(content));
    const first = await bench.serve(
      (_, response) => void response.writeHead(307, { location: `${other.origin}/b` }).end(),
    );
    const source = bench.source(first.origin, { allowRedirectHosts: [`127.0.0.1:${other.port}`] });
    expect((await source.fetchBlob('a', request)).sha256).toBe(sha256);
  });

  it('to an allowed host is followed in whatever case its name is given', async () => {
    const other = await bench.serve((_, response) => void response.end(content));
    const first = await bench.serve(
      (_, response) => void response.writeHead(307, { location: `http://localhost:${other.port}/b` }).end(),
    );
    for (const allowed of [`LOCALHOST:${other.port}`, 'LocalHost']) {
      const source = bench.source(first.origin, { allowRedirectHosts: [allowed] });
      expect((await source.fetchBlob('a', request)).sha256).toBe(sha256);
    }
  });

  it('on the same host are followed three times and no more', async () => {
    const server = await bench.serve((incoming, response) => {
      response.writeHead(301, { location: `${incoming.url}x` }).end();
    });
    const fault = await faultOf(bench.source(server.origin).fetchBlob('a', request));
    expect(fault.code).toBe('upstream-redirect-refused');
    expect(server.requests).toHaveLength(4);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/a', 'http://[broken'])('to %s is refused', async (location) => {
    const { fault } = await faultWith((_, response) => void response.writeHead(302, { location }).end());
    expect(fault.code).toBe('upstream-redirect-refused');
  });
});
