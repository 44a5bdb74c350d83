import type { DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('another try that a person orders', () => {
  let site: ManagedSite;
  let release: TestRelease;
  let newer: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '2.0');
    newer = await site.release('rules', '3.0');
  });

  afterAll(() => site.dispose());

  const retry = (commandId: string) => site.api.post(`/api/v1/commands/${commandId}/retry`);
  const ended = async (product: DdiClient, what: TestRelease, finished: string): Promise<string> => {
    const commandId = await site.deploy([what], [product.controllerId], { tries: 1 });
    await product.feedback((await product.fetchDeployment()).body.id as string, 'closed', finished);
    return commandId;
  };

  it('is for what failed, and nothing else', async () => {
    const ids = [site.fresh(), site.fresh()];
    const products = [await site.product(ids[0] ?? ''), await site.product(ids[1] ?? '')];
    const commandId = await site.deploy([release], ids, { tries: 1 });
    const outcomes = ['success', 'failure'];
    for (const [index, product] of products.entries())
      await product.feedback((await product.fetchDeployment()).body.id as string, 'closed', outcomes[index]);
    await site.settle();
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).body.state).toBe('ended');
    const retried = await Promise.all([1, 2].map(() => retry(commandId)));
    expect(retried.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).body).toMatchObject({
      state: 'open',
      counts: { all: 2, successful: 1, waiting: 1, unsuccessful: 0 },
    });
    await products[1]?.feedback((await products[1].fetchDeployment()).body.id as string, 'closed', 'success');
    await site.settle();
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).body).toMatchObject({
      state: 'ended',
      counts: { all: 2, successful: 2, unsuccessful: 0 },
    });
  });

  it('is not given in the place of a product that was removed', async () => {
    const id = site.fresh();
    const commandId = await ended(await site.product(id), release, 'failure');
    await site.api.call('DELETE', `/api/v1/agents/${id}`);
    expect((await retry(commandId)).body).toMatchObject({ status: 409, code: 'nothing-failed' });
    // Another machine of the same name is one that can.
    await site.product(id);
    expect((await retry(commandId)).body).toMatchObject({ retried: 1 });
  });

  it('takes no product back behind what a later order has brought', async () => {
    const [ahead, behind] = [await site.product(site.fresh()), await site.product(site.fresh())];
    const earlier = await ended(ahead, release, 'failure');
    await ended(ahead, newer, 'success');
    expect((await retry(earlier)).body).toMatchObject({ status: 409, code: 'nothing-failed' });
    const other = await ended(behind, release, 'failure');
    await ended(behind, newer, 'failure');
    expect((await retry(other)).body).toMatchObject({ retried: 1 });
  });
});
