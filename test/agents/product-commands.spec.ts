import pg from 'pg';
import { ManagedSite } from '../support/managed-site.js';

describe('commands to products other than deployments', () => {
  let site: ManagedSite;

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
  });
  afterAll(() => site.dispose());

  it('carries orders other than deployments, and skips at once who cannot', async () => {
    const [able, unable] = [site.fresh(), site.fresh()];
    const product = await site.product(able, {
      'haishin.capabilities': 'rollback,schedule,source,inventory,diagnostics,licence',
      'component.rules.version': '4.0',
    });
    await site.product(unable);
    const order = async (type: string, parameters?: unknown) =>
      site.api.post('/api/v1/commands', { type, targets: { agents: [able, unable] }, parameters });
    const { status, body } = await order('rollback', { component: 'rules' });
    expect(status).toBe(202);
    expect(await site.target(body.id as string, unable)).toMatchObject({ state: 'skipped', reason: 'not-supported' });
    const { href } = (await product.poll()).body._links.command;
    const { body: command } = await product.call('GET', href as string);
    expect(command).toMatchObject({ command: { type: 'rollback', parameters: { components: ['rules'] } } });
    expect(await site.target(body.id as string, able)).toMatchObject({ state: 'delivered', versionBefore: '4.0' });
    expect(
      (await product.commandFeedback(command.id as string, 'closed', 'success', ['rules: 4.0 -> 3.0'])).status,
    ).toBe(200);
    expect(await site.target(body.id as string, able)).toMatchObject({ state: 'succeeded' });
    expect((await product.commandFeedback(command.id as string, 'closed', 'success')).status).toBe(410);
    expect((await order('rollback', { component: 'nothing' })).body).toMatchObject({ code: 'component-unknown' });
    expect((await order('rollback', {})).body).toMatchObject({ code: 'parameters-invalid' });
    expect((await order('set-schedule', { enabled: 'yes' })).body).toMatchObject({ code: 'parameters-invalid' });
    expect((await order('set-update-source', { url: 'file:///etc' })).body).toMatchObject({
      code: 'parameters-invalid',
    });
    expect((await order('self-destruct')).status).toBe(400);
    expect((await site.api.post('/api/v1/commands', { type: 'refresh-inventory', targets: {} })).body).toMatchObject({
      code: 'selection-empty',
    });
    for (const [type, parameters] of [
      ['set-schedule', { enabled: false }],
      ['set-update-source', { url: 'https://haishin.example/activeupdate' }],
      ['refresh-inventory', {}],
      ['collect-diagnostics', {}],
      ['deliver-licence', { name: 'anti-spam', key: 'k' }],
    ] as const) {
      await order(type, parameters);
      const next = await product.call('GET', (await product.poll()).body._links.command.href as string);
      expect(next.body.command).toEqual({ type, parameters });
      await product.commandFeedback(next.body.id as string, 'closed', 'success');
    }
  });

  it('hands licences to products only', async () => {
    const id = site.fresh();
    const product = await site.product(id, { 'haishin.capabilities': 'licence' });
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    const parameters = { name: 'anti-spam', key: 'AAAA-BBBB-CCCC', seats: 500, terms: { until: '2027-01-01' } };
    const deliver = async (): Promise<string> => {
      const order = { type: 'deliver-licence', targets: { agents: [id] }, parameters };
      return (await site.api.post('/api/v1/commands', order)).body.id as string;
    };
    const told = async (): Promise<unknown> => {
      const { body } = await product.call('GET', (await product.poll()).body._links.command.href as string);
      await product.commandFeedback(body.id as string, 'closed', 'success');
      return body.command;
    };
    const masked = { name: '********', key: '********', seats: '********', terms: '********' };

    const sealed = await deliver();
    const { rows } = await database.query<{ text: string }>(
      'select parameters::text as text from command where id = $1',
      [sealed],
    );
    expect(rows[0]?.text).toContain('"key"');
    expect(rows[0]?.text).not.toMatch(/anti-spam|AAAA-BBBB|"until"|2027-01-01/);
    expect((await site.api.get(`/api/v1/commands/${sealed}`)).body.parameters).toEqual(masked);
    expect(await told()).toEqual({ type: 'deliver-licence', parameters });

    // As it was written before values were sealed.
    const plain = await deliver();
    await database.query('update command set parameters = $2 where id = $1', [plain, JSON.stringify(parameters)]);
    await database.end();
    expect((await site.api.get(`/api/v1/commands/${plain}`)).body.parameters).toEqual(masked);
    expect(await told()).toEqual({ type: 'deliver-licence', parameters });
  });
});
