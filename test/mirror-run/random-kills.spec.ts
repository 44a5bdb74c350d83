import { setTimeout as sleep } from 'node:timers/promises';
import { fetchAsProduct } from '../support/reference-client.js';
import { until } from '../support/until.js';
import { CrashBench, type CrashServer } from './crash-bench.js';
import { servedTree } from './mirror-bench.js';

const KILLS = 16;
/** A whole mirroring of the sample makes about so many requests. */
const REQUESTS = 150;

describe('kills at random moments', () => {
  let bench: CrashBench;
  beforeAll(async () => {
    bench = await CrashBench.open();
  });
  afterAll(() => bench.close());

  /** Kills when so many more requests have reached the upstream, or when the download has ended before that. */
  async function killAfter(server: CrashServer, requests: number, milliseconds: number): Promise<void> {
    const begun = bench.upstream.requests.length;
    const { id } = (await server.api.post('/api/v1/downloads')).body;
    const over = server.api.ended(id as string).catch(() => undefined);
    const reached = until('requests', () => bench.upstream.requests.length - begun >= requests, 5000);
    await Promise.race([over, reached.catch(() => undefined)]);
    await sleep(milliseconds);
    await server.kill();
    await over;
  }

  it(`${KILLS} of them: never a torn tree, and the next download succeeds`, async () => {
    const first = await bench.start();
    expect(await first.api.download()).toMatchObject({ state: 'succeeded' });
    await first.kill();
    for (let kill = 1; kill <= KILLS; kill++) {
      bench.upstream.tree.publish();
      const requests = Math.floor(Math.random() * REQUESTS);
      // Around the end of the transfers the publication begins: more of the kills should fall there.
      const milliseconds = Math.random() * (kill % 2 === 0 ? 150 : 20);
      const server = await bench.start();
      for (const channel of ['', '/japan']) await servedTree(`${server.http}/activeupdate${channel}`);
      await killAfter(server, kill % 2 === 0 ? REQUESTS : requests, milliseconds);
    }

    const last = await bench.start();
    for (const channel of ['', '/japan']) await servedTree(`${last.http}/activeupdate${channel}`);
    await until('the lock is free', async () => (await last.api.post('/api/v1/downloads')).status === 202);
    const [{ id }] = (await last.api.get('/api/v1/downloads')).body.items;
    expect(['succeeded', 'unchanged']).toContain((await last.api.ended(id as string)).state);
    const { global } = await bench.served(last);
    const theirs = await fetchAsProduct(bench.upstream.url);
    expect(global.files).toEqual(Object.fromEntries([...theirs.files].sort(([a], [b]) => (a < b ? -1 : 1))));

    // Every death is in the history, each with its reason; nothing is said to be running.
    const { items } = (await last.api.get('/api/v1/downloads?limit=100')).body;
    const states = (items as { state: string; error: { code: string } | null }[]).map(
      ({ state, error }) => error?.code ?? state,
    );
    expect(states.filter((state) => !['succeeded', 'unchanged', 'download-interrupted'].includes(state))).toEqual([]);
    // Some fell into the transfers; a download that was recorded with its snapshot before the kill has succeeded.
    expect(states.filter((state) => state === 'download-interrupted').length).toBeGreaterThan(0);
    await last.kill('SIGTERM');
  });
});
