import type { Fleet } from '../../src/fleet/fleet.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { deploy, deployment, fleetOf, newComponent, reached } from '../support/products.js';
import { until } from '../support/until.js';

const PRODUCTS = 1_000;

/** The figures of 10,000 products are in bench/agents/fan-out.mjs; here it is only whether, not how fast. */
describe('one deployment to many held polls', () => {
  let haishin: TestHaishin;
  let fleet: Fleet | undefined;

  beforeAll(async () => {
    haishin = await startHaishin();
  });

  afterAll(async () => {
    await fleet?.stop();
    await haishin.dispose();
  });

  it('answers every one of them, and counts every answer', async () => {
    const { api } = haishin;
    await newComponent(api, 'site-rules');
    const products = await fleetOf(api, {
      agents: PRODUCTS,
      startPerSecond: 200,
      behaviour: { waitSeconds: 110, progress: false },
    });
    fleet = products;
    await until('every poll is held', () => products.counters.held === PRODUCTS, 60_000);
    const { id } = await deploy(api, { components: ['site-rules'], targets: { all: true } });
    await reached(api, id, 'finished');
    expect((await deployment(api, id)).counts).toMatchObject({ succeeded: PRODUCTS, queued: 0, failed: 0 });
    // A crowded server may ask a product to come back (503): products do, so only what came of it counts.
    expect(products.counters).toMatchObject({ started: PRODUCTS, succeeded: PRODUCTS, gone: 0 });
  });
});
