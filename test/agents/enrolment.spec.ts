import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { DdiClient } from '../support/ddi-client.js';

describe('enrolment and the first contact of a product', () => {
  let haishin: TestHaishin;

  beforeAll(async () => {
    haishin = await startHaishin();
  });

  afterAll(() => haishin.dispose());

  const register = async (controllerId: string): Promise<DdiClient> => {
    const { status, body } = await haishin.api.post('/api/v1/agents', { controllerId });
    expect(status).toBe(201);
    return new DdiClient(haishin.http, controllerId, { token: body.securityToken as string });
  };

  it('registers a product, whose token is shown once and opens its own base only', async () => {
    const product = await register('mx1');
    await register('mx2');
    const poll = await product.poll();
    expect(poll.status).toBe(200);
    expect(poll.headers['content-type']).toContain('application/hal+json');
    expect(poll.body.config.polling.sleep).toMatch(/^00:1[3-6]:\d\d$/);
    expect(Object.keys(poll.body._links)).toEqual(['configData']);
    const { body: view } = await haishin.api.get('/api/v1/agents/mx1');
    expect(view).toMatchObject({ approval: 'approved', state: 'online' });
    expect(view.lastContactAt).not.toBeNull();
    expect(JSON.stringify(view)).not.toContain(product.options.token);
    const other = new DdiClient(haishin.http, 'mx2', product.options);
    expect((await other.poll()).status).toBe(401);
  });
});
