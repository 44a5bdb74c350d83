import type { Fleet } from '../../src/fleet/fleet.js';
import { CrashBench, type CrashServer } from '../mirror-run/crash-bench.js';
import { startHaishin, type ApiCaller, type TestHaishin } from '../support/haishin.js';
import {
  deploy,
  deployment,
  fleetOf,
  gatewayToken,
  newComponent,
  reached,
  targets,
  type Json,
} from '../support/products.js';
import { until } from '../support/until.js';

const RINGS = [
  { name: 'one', select: { count: 1 }, start: { kind: 'at-once' } },
  { name: 'some', select: { percent: 40 }, start: { kind: 'at-once' } },
  { name: 'rest', select: { all: true }, start: { kind: 'at-once' }, concurrency: 4 },
];

/** Every product was told once and succeeded with its first try. */
async function expectOnce(api: ApiCaller, commandId: string, products: number): Promise<void> {
  const { body } = await api.get(`/api/v1/commands/${commandId}/targets?limit=500`);
  const facts = body.items.map(({ state, attempt }: Json) => `${state} at try ${attempt}`);
  expect(facts).toEqual(Array(products).fill('succeeded at try 1'));
}

describe('a deployment', () => {
  it('goes on where it was after a restart in the middle of a ring', async () => {
    let haishin: TestHaishin = await startHaishin();
    const { dataDir, database } = haishin;
    await newComponent(haishin.api, 'site-rules');
    await haishin.api.post('/api/v1/deployment-plans', { name: 'three', rings: RINGS });
    const token = await gatewayToken(haishin.api);
    // Products take their time: the server ends while those of the second ring are at it.
    let fleet = await fleetOf(haishin.api, { token, agents: 8, behaviour: { workMilliseconds: 1000 } });
    const { id, commandId } = await deploy(haishin.api, {
      components: ['site-rules'],
      targets: { all: true },
      plan: 'three',
    });
    await until('the second ring is at work', async () => {
      const { rings } = await deployment(haishin.api, id);
      return rings[1].counts.inProgress > 0;
    });
    const before = await deployment(haishin.api, id);
    await fleet.stop();
    await haishin.stop();

    haishin = await startHaishin({ dataDir, database });
    fleet = await fleetOf(haishin.api, { token, agents: 8 });
    const after = await reached(haishin.api, id, 'finished');
    expect(after.rings.slice(0, 2).map((ring: Json) => ring.openedAt)).toEqual(
      before.rings.slice(0, 2).map((ring: Json) => ring.openedAt),
    );
    expect(after.rings.map((ring: Json) => ring.counts.succeeded)).toEqual([1, 4, 3]);
    await expectOnce(haishin.api, commandId, 8);
    await fleet.stop();
    await haishin.dispose();
  });

  describe('on two nodes', () => {
    let bench: CrashBench;
    let nodes: CrashServer[];
    const fleets: Fleet[] = [];

    beforeEach(async () => {
      bench = await CrashBench.open();
      nodes = [await bench.start(), await bench.start()];
    });

    afterEach(async () => {
      await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
      await Promise.all(nodes.map((node) => node.kill()));
      await bench.close();
    });

    const node = (at: number): CrashServer => {
      const found = nodes[at];
      if (found === undefined) throw new Error('no such node');
      return found;
    };
    const start = async (api: ApiCaller, token: string, prefix: string, agents: number): Promise<Fleet> => {
      const fleet = await fleetOf(api, {
        token,
        prefix,
        agents,
        behaviour: { workMilliseconds: 300, waitSeconds: 20 },
      });
      fleets.push(fleet);
      return fleet;
    };

    it('loses nothing and does nothing twice when one is killed', async () => {
      const [first, second] = [node(0).api, node(1).api];
      await newComponent(first, 'site-rules');
      await first.post('/api/v1/deployment-plans', { name: 'three', rings: RINGS });
      const token = await gatewayToken(first);
      const lost = await start(first, token, 'a-', 8);
      await start(second, token, 'b-', 8);
      // Ordered at the node that will die, watched at the other.
      const { id, commandId } = await deploy(first, {
        components: ['site-rules'],
        targets: { all: true },
        plan: 'three',
      });
      await until('the last ring is at work', async () => (await deployment(second, id)).rings[2].state === 'open');
      await node(0).kill('SIGKILL');
      await lost.stop();
      expect((await deployment(second, id)).state).toBe('running');
      await start(second, token, 'a-', 8);
      const done = await reached(second, id, 'finished');
      expect(done.rings.map((ring: Json) => ring.counts.succeeded)).toEqual([1, 7, 8]);
      await expectOnce(second, commandId, 16);
    });

    it('wakes polls that the other node holds, for every product once', async () => {
      const [first, second] = [node(0).api, node(1).api];
      await newComponent(first, 'site-rules');
      const token = await gatewayToken(first);
      const here = await start(first, token, 'a-', 5);
      const there = await start(second, token, 'b-', 5);
      await until('all polls are held', () => here.counters.held === 5 && there.counters.held === 5);
      const { id, commandId } = await deploy(first, { components: ['site-rules'], targets: { all: true } });
      await reached(second, id, 'finished');
      expect([here.counters.succeeded, there.counters.succeeded]).toEqual([5, 5]);
      expect(Object.keys(await targets(first, commandId))).toHaveLength(10);
    });
  });
});
