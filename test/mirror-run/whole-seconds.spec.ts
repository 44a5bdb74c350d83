import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';

const SECOND = 1000;

/** What many small servers do: a Last-Modified of whole seconds, and no ETag or one that is made of it. */
class PlainServer {
  readonly tree = new SampleTree({ scale: 0.0005, japanTree: false });
  readonly asked: { since: string | undefined; status: number }[] = [];
  /** When everything was written, and what the server's clock says. */
  modified = new Date('2026-03-02T00:00:00.100Z');
  now = new Date('2026-03-02T00:00:00.200Z');
  etag = false;
  onAsked: (path: string) => void = () => undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<PlainServer> {
    const server = createServer({});
    const plain = new PlainServer(server);
    server.on('request', (request, response) => {
      const path = (request.url ?? '').slice(1);
      const file = plain.tree.find(path);
      plain.onAsked(path);
      const since = request.headers['if-modified-since'];
      const modified = Math.floor(plain.modified.getTime() / SECOND) * SECOND;
      const etag = plain.etag ? { etag: `"${modified.toString(16)}"` } : {};
      const told = request.headers['if-none-match'];
      const known = told === undefined ? since !== undefined && Date.parse(since) >= modified : told === etag.etag;
      const status = file === undefined ? 404 : known ? 304 : 200;
      if (/server\.ini$/i.test(path)) plain.asked.push({ since, status });
      response.sendDate = false;
      response.writeHead(status, {
        date: plain.now.toUTCString(),
        'last-modified': new Date(modified).toUTCString(),
        ...etag,
      });
      response.end(status === 200 ? file?.content() : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return plain;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('a source that knows its files only by whole seconds', () => {
  let upstream: PlainServer;
  let haishin: TestHaishin;
  beforeEach(async () => {
    upstream = await PlainServer.start();
    haishin = await startHaishin({ upstreamUrl: upstream.url });
  });
  afterEach(async () => {
    await haishin.dispose();
    upstream.close();
  });

  const manifest = async (): Promise<string> => (await fetch(`${haishin.http}/activeupdate/server.ini`)).text();
  const pattern = (text: string): string | undefined => /^P\.4=.*$/m.exec(text)?.[0];

  it.each([false, true])('is mirrored again after another change within the same second (ETag: %s)', async (etag) => {
    upstream.etag = etag;
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    const before = pattern(await manifest());
    upstream.tree.publish(['virus-pattern']);
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    expect(pattern(await manifest())).not.toBe(before);
    expect(pattern(await manifest())).toBe(pattern(upstream.tree.manifest().toString('latin1')));
  });

  it.each([false, true])('may change while it is read, within the same second (ETag: %s)', async (etag) => {
    upstream.etag = etag;
    upstream.onAsked = (path) => {
      if (!/vsapi\d+\.zip$/i.test(path)) return;
      upstream.onAsked = () => undefined;
      upstream.tree.publish(['virus-pattern']);
    };
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    expect(pattern(await manifest())).toBe(pattern(upstream.tree.manifest().toString('latin1')));
  });

  it('is asked with its Last-Modified as soon as that tells every change', async () => {
    await haishin.api.download();
    const since = 'Mon, 02 Mar 2026 00:00:00 GMT';
    const runs: typeof upstream.asked = [];
    for (const later of [0, 0, 2 * SECOND, 0]) {
      upstream.asked.length = 0;
      upstream.now = new Date(upstream.now.getTime() + later);
      expect(await haishin.api.download()).toMatchObject({ state: 'unchanged' });
      runs.push(...upstream.asked);
    }
    const whole = { since: undefined, status: 200 };
    expect(runs).toEqual([whole, whole, whole, { since, status: 304 }]);
  });
});
