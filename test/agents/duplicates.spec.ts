import { ContactRecorder } from '../../src/modules/agents/contact-recorder.js';
import { ManagedSite } from '../support/managed-site.js';

describe('two machines with one identity', () => {
  let site: ManagedSite;

  beforeAll(async () => {
    // Requests of these tests come from a proxy, so that products can have addresses of their own.
    site = await ManagedSite.start({ config: { trustedProxies: ['127.0.0.1'] } });
  });
  afterAll(() => site.dispose());

  const agent = async (id: string) => (await site.api.get(`/api/v1/agents/${id}`)).body;

  it('are flagged, with what was seen', async () => {
    const product = await site.product('twin');
    const recorder = site.get(ContactRecorder);
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2']) {
      expect((await product.poll({ 'x-forwarded-for': address })).status).toBe(200);
      await recorder.flush();
    }
    const [conflict] = (await agent('twin')).conflicts;
    expect(conflict).toMatchObject({ code: 'duplicate-identity' });
    expect(conflict.sources.join()).toContain('10.0.0.1');
    expect(conflict.sources.join()).toContain('10.0.0.2');
    expect((await site.api.get('/api/v1/agents?duplicates=true')).body.items).toMatchObject([{ controllerId: 'twin' }]);
    await site.api.call('PATCH', '/api/v1/agents/twin', { duplicate: null });
    expect((await agent('twin')).conflicts).toEqual([]);
  });

  it('are not what a product looks like that moved once', async () => {
    const product = await site.product('mover');
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2'])
      await product.poll({ 'x-forwarded-for': address });
    await site.get(ContactRecorder).flush();
    expect((await agent('mover')).conflicts).toEqual([]);
  });
});
