import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { MirrorBench } from './mirror-bench.js';

describe('a source that leads back to this server', () => {
  let bench: MirrorBench;
  let detour: Server;
  let url: string;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    const { hostname: host, port } = new URL(bench.haishin.http);
    // An address that no setting tells apart from another server's.
    detour = createServer((client) => {
      const server = connect(Number(port), host);
      client.pipe(server).pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const)
        one.on('error', () => other.destroy());
    });
    await once(detour.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(detour.address() as AddressInfo).port}/activeupdate`;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(async () => {
    await bench.close();
    detour.close();
  });

  it('is told, and what is published stays', async () => {
    const before = await bench.served();
    await bench.setting('update-source', { sources: [{ url }] });
    for (const run of [1, 2])
      expect([run, await bench.api.download()]).toMatchObject([
        run,
        { state: 'failed', error: { code: 'source-is-self', message: expect.stringContaining(url) as string } },
      ]);
    expect(await bench.served()).toEqual(before);
  });

  it('is passed over for the next one', async () => {
    await bench.setting('update-source', { sources: [{ url }, { url: bench.upstream.url }] });
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
    const { items } = (await bench.api.get('/api/v1/events?outcome=failed')).body;
    expect(items).toMatchObject([{ code: 'source-is-self' }]);
  });
});
