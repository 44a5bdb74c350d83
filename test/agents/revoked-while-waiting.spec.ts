import { HeldPolls } from '../../src/modules/agents/held-polls.js';
import { DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { until } from '../support/until.js';

describe('a poll that waits while its right to ask is taken away', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '3.0');
  });

  afterAll(() => site.dispose());

  /** What the poll is answered after that, at once, and not when its time is over. */
  const answered = async (product: DdiClient, happens: () => Promise<unknown>): Promise<number> => {
    const answer = product.poll({ prefer: 'wait=100' });
    await until('held', () => site.get(HeldPolls).size === 1);
    await happens();
    return (await answer).status;
  };

  it('learns nothing with the token of before', async () => {
    const product = await site.product('r1');
    expect(await answered(product, () => site.api.post('/api/v1/agents/r1/rotate-token'))).toBe(401);
  });

  it('learns nothing of a product that is blocked or gone', async () => {
    const product = await site.product('r2');
    expect(await answered(product, () => site.api.post('/api/v1/agents/r2/block'))).toBe(403);
    await site.api.post('/api/v1/agents/r2/approve');
    expect(await answered(product, () => site.api.call('DELETE', '/api/v1/agents/r2'))).toBe(401);
  });

  it('learns nothing by a gateway that was revoked', async () => {
    await site.product('r3');
    const { body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'gw', kind: 'gateway' });
    const gateway = new DdiClient(site.haishin.http, 'r3', { token: body.token as string, scheme: 'GatewayToken' });
    expect(await answered(gateway, () => site.api.call('DELETE', `/api/v1/enrolment-tokens/${body.id}`))).toBe(401);
  });

  it('goes on for whoever has just enrolled', async () => {
    const { body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'in', kind: 'enrolment' });
    const newcomer = new DdiClient(site.haishin.http, 'r4', { token: body.token as string, scheme: 'GatewayToken' });
    const { headers } = await newcomer.configData({ product: 'Mail Gateway' });
    const product = new DdiClient(site.haishin.http, 'r4', { token: headers['x-haishin-target-token'] as string });
    expect(await answered(product, () => site.deploy([release], ['r4']))).toBe(200);
  });
});
