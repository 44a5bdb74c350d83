import { ContactRecorder } from '../../src/modules/agents/contact-recorder.js';
import { DdiClient } from '../support/ddi-client.js';
import { ManagedSite } from '../support/managed-site.js';
import { until } from '../support/until.js';

describe('an enrolment token that a whole fleet shares', () => {
  let site: ManagedSite;
  let token: string;
  let number = 0;

  beforeAll(async () => {
    site = await ManagedSite.start({ config: { trustedProxies: ['127.0.0.0/8'] } });
    const { body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'the fleet', kind: 'enrolment' });
    token = body.token as string;
  });

  afterAll(() => site.dispose());

  const enrol = async (id: string, address: string): Promise<DdiClient | null> => {
    const headers = { 'x-forwarded-for': address };
    const newcomer = new DdiClient(site.haishin.http, id, { token, scheme: 'GatewayToken', headers });
    const given = (await newcomer.poll()).headers['x-haishin-target-token'];
    return typeof given === 'string' ? new DdiClient(site.haishin.http, id, { token: given, headers }) : null;
  };
  /** A product that has enrolled at 10.0.0.1 and is in touch. */
  const enrolled = async (): Promise<{ id: string; product: DdiClient }> => {
    const id = `e${(number += 1)}`;
    const product = await enrol(id, '10.0.0.1');
    if (product === null) throw new Error('not enrolled');
    await site.get(ContactRecorder).flush();
    return { id, product };
  };
  const conflicts = async (id: string): Promise<unknown> => (await site.api.get(`/api/v1/agents/${id}`)).body.conflicts;

  it('flags who takes the place of a product that is in touch, and says by which token', async () => {
    const { id, product } = await enrolled();
    expect(await enrol(id, '10.6.6.6')).not.toBeNull();
    expect((await product.poll()).status).toBe(401);
    expect(await conflicts(id)).toEqual([
      {
        code: 'duplicate-identity',
        since: site.clock.now().toISOString(),
        sources: [expect.stringContaining('10.0.0.1'), expect.stringContaining('10.6.6.6')],
        enrolledBy: 'the fleet',
      },
    ]);
    expect((await site.api.get('/api/v1/agents?duplicates=true')).body.items).toMatchObject([{ controllerId: id }]);
  });

  it('flags nobody who comes back where it was, or after it was silent for long', async () => {
    const [there, elsewhere] = [await enrolled(), await enrolled()];
    expect(await enrol(there.id, '10.0.0.1')).not.toBeNull();
    expect(await conflicts(there.id)).toEqual([]);
    site.clock.advance(3_600_000);
    expect(await enrol(elsewhere.id, '10.6.6.6')).not.toBeNull();
    expect(await conflicts(elsewhere.id)).toEqual([]);
  });

  it('leaves a product that is blocked the token that it has', async () => {
    const { id, product } = await enrolled();
    await site.api.post(`/api/v1/agents/${id}/block`);
    expect(await enrol(id, '10.0.0.1')).toBeNull();
    await site.api.post(`/api/v1/agents/${id}/approve`);
    expect((await product.poll()).status).toBe(200);
  });

  it('takes no place at all where the setting says so, but lets new ones in', async () => {
    const before = (await site.api.get('/api/v1/settings/agents')).body;
    expect(before).toMatchObject({ enrolAgain: true });
    await site.api.put('/api/v1/settings/agents', { ...before, enrolAgain: false });
    const { id, product } = await enrolled();
    expect(await enrol(id, '10.0.0.1')).toBeNull();
    expect((await product.poll()).status).toBe(200);
    // Who does not speak of it means what holds out of the box.
    const { enrolAgain: _, ...silent } = before as Record<string, unknown>;
    expect((await site.api.put('/api/v1/settings/agents', silent)).body).toMatchObject({ enrolAgain: true });
    expect(await enrol(id, '10.0.0.1')).not.toBeNull();
  });

  it('of a gateway says when it was used last, also for products that are known already', async () => {
    const { body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'a gateway', kind: 'gateway' });
    const gateway = new DdiClient(site.haishin.http, 'g1', { token: body.token as string, scheme: 'GatewayToken' });
    await gateway.poll();
    site.clock.advance(2 * 3_600_000);
    await gateway.poll();
    await until('noted', async () => {
      const [newest] = (await site.api.get('/api/v1/enrolment-tokens?limit=1')).body.items;
      return newest.lastUsedAt === site.clock.now().toISOString();
    });
  });
});
