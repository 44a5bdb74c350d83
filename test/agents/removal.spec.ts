import pg from 'pg';
import { actionIdOf } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('removing a product', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '1.0');
  });
  afterAll(() => site.dispose());

  it('removes a product together with its orders, or not at all', async () => {
    await site.product('gone2');
    const commandId = await site.deploy([release], ['gone2']);
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    await database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception 'not now' using errcode = '55P03'; end $$`);
    await database.query(`create trigger busy before update on command_target for each row execute function busy()`);
    const refused = await site.api.call('DELETE', '/api/v1/agents/gone2');
    await database.query('drop trigger busy on command_target');
    await database.end();
    expect([refused.status, refused.body.code]).toEqual([503, 'database-busy']);
    expect((await site.api.get('/api/v1/agents/gone2')).status).toBe(200);
    expect(await site.target(commandId, 'gone2')).toMatchObject({ state: 'queued' });
    expect((await site.api.call('DELETE', '/api/v1/agents/gone2')).status).toBe(204);
    expect(await site.target(commandId, 'gone2')).toMatchObject({ state: 'cancelled', reason: 'agent-removed' });
  });

  it('ends the orders of a product that is removed, and leaves a new one alone', async () => {
    const product = await site.product('gone1');
    const commandId = await site.deploy([release], ['gone1']);
    const actionId = actionIdOf((await product.poll()).body._links.deploymentBase.href as string);
    await site.api.call('DELETE', '/api/v1/agents/gone1');
    expect(await site.target(commandId, 'gone1')).toMatchObject({ state: 'cancelled', reason: 'agent-removed' });
    const again = await site.product('gone1');
    expect((await again.poll()).body._links).toEqual({});
    expect((await again.feedback(actionId, 'closed', 'success')).status).toBe(410);
  });
});
