import pg from 'pg';
import { Waker } from '../../src/modules/agents/waker.js';
import { actionIdOf, DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('DDI v1 beyond the plain deployment', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '4.0');
  });
  afterAll(() => site.dispose());

  it('refuses bodies that are too much or nonsense, and goes on', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const megabytes = `{"mode":"merge","data":{"k":"${'x'.repeat(3 * 1024 * 1024)}"}}`;
    // The connection stays, so that whoever still sends hears the answer.
    const refused = await product.call('PUT', '/configData', megabytes, { connection: 'keep-alive' });
    expect(refused.status).toBe(413);
    expect(refused.headers.connection).not.toBe('close');
    for (const body of [
      '{',
      '[]',
      '7',
      '{"mode":"all","data":{}}',
      '{"data":{"k":{"a":1}}}',
      `{"data":{"${'k'.repeat(200)}":""}}`,
    ])
      expect((await product.call('PUT', '/configData', body)).status).toBe(400);
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`k${index}`, 'v']));
    expect((await product.configData(many)).status).toBe(400);
    await site.deploy([release], [id]);
    const { body } = await product.fetchDeployment();
    const at = `/deploymentBase/${body.id}/feedback`;
    for (const wrong of [
      {},
      { status: {} },
      { status: { execution: 'exploded' } },
      { status: { execution: 'closed', result: { finished: 'maybe' } } },
    ])
      expect((await product.call('POST', at, wrong)).status).toBe(400);
    const odd = {
      status: {
        execution: 'proceeding',
        details: 'one text',
        result: { finished: 'none', progress: { cnt: '1', of: '0' } },
        code: 1e99,
      },
    };
    expect((await product.call('POST', at, odd)).status).toBe(200);
    expect((await product.poll()).status).toBe(200);
  });

  it('sends products away for a while when the database is busy, so that they come back with the same', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id]);
    const { body } = await product.fetchDeployment();
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    await database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception 'not now' using errcode = '55P03'; end $$`);
    await database.query(`create trigger busy before update on command_target for each row execute function busy()`);
    const refused = await product.feedback(body.id as string, 'closed', 'success');
    await database.query(`drop trigger busy on command_target`);
    await database.end();
    expect([refused.status, refused.body.code]).toEqual([429, 'overloaded']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await product.feedback(body.id as string, 'closed', 'success')).status).toBe(200);
  });

  it('waits for the consent of somebody at the product', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    const { body } = await product.poll();
    expect(Object.keys(body._links)).toEqual(['confirmationBase']);
    const href = body._links.confirmationBase.href as string;
    const actionId = actionIdOf(href);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'needs-confirmation' });
    expect((await product.call('GET', href)).body).toMatchObject({
      id: actionId,
      confirmation: { chunks: [{ part: 'rules' }] },
    });
    expect((await product.call('GET', `/deploymentBase/${actionId}`)).status).toBe(404);
    const summary = (await product.call('GET', '/confirmationBase')).body;
    expect(summary).toMatchObject({
      autoConfirm: { active: false },
      _links: { activateAutoConfirm: {}, confirmationBase: {} },
    });
    const answer = (confirmation: string) =>
      product.call('POST', `/confirmationBase/${actionId}/feedback`, { confirmation, code: 1, details: ['by hand'] });
    expect((await answer('perhaps')).status).toBe(400);
    expect((await answer('denied')).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'confirmation-denied' });
    expect((await answer('confirmed')).status).toBe(200);
    expect((await product.fetchDeployment()).body.id).toBe(actionId);
    expect((await answer('denied')).status).toBe(410);
  });

  it('keeps the word of somebody who says the same for ever once, and of somebody who cannot decide for a while', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    const actionId = actionIdOf((await product.poll()).body._links.confirmationBase.href as string);
    const answer = async (confirmation: string): Promise<void> => {
      const body = { confirmation, code: 1, details: ['by hand'] };
      expect((await product.call('POST', `/confirmationBase/${actionId}/feedback`, body)).status).toBe(200);
    };
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    const told = async (): Promise<number[]> => {
      const { rows } = await database.query<{ kept: number; counted: number }>(
        `select feedback_count as counted, (select count(*)::int from target_message m where m.action_id = t.action_id) as kept
         from command_target t where controller_id = $1`,
        [id],
      );
      return [rows[0]?.kept ?? 0, rows[0]?.counted ?? 0];
    };
    for (let time = 0; time < 3; time += 1) await answer('denied');
    expect(await told()).toEqual([1, 1]);
    await database.query('update command_target set feedback_count = 1000 where controller_id = $1', [id]);
    await answer('confirmed');
    await answer('denied');
    await answer('confirmed');
    expect(await told()).toEqual([1, 1000]);
    await database.end();
    expect((await product.fetchDeployment()).body.id).toBe(actionId);
  });

  it('consents by itself when the product says so', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect((await product.call('POST', '/confirmationBase/activateAutoConfirm', { initiator: 'me' })).status).toBe(200);
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
    await product.call('POST', '/confirmationBase/deactivateAutoConfirm');
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['confirmationBase']);
  });

  it('lets a product fetch outside the maintenance window, but not install', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const window = { kind: 'daily' as const, from: '22:00', to: '05:00', timeZone: 'Asia/Tokyo' };
    const commandId = await site.deploy([release], [id], { parameters: { window } });
    // 09:00 UTC is 18:00 in Tokyo.
    expect(await site.target(commandId, id)).toMatchObject({ reason: 'outside-window' });
    expect((await product.fetchDeployment()).body.deployment).toMatchObject({
      download: 'forced',
      update: 'skip',
      maintenanceWindow: 'unavailable',
    });
    const shut = (await product.poll()).body._links.deploymentBase.href as string;
    site.clock.advance(5 * 3_600_000);
    // A minute later no node remembers what it knew.
    site.get(Waker).wakeAll();
    const { href } = (await product.poll()).body._links.deploymentBase;
    expect(href).not.toBe(shut);
    expect((await product.call('GET', href as string)).body.deployment).toMatchObject({
      update: 'forced',
      maintenanceWindow: 'available',
    });
  });

  it('ends a download-only order when the files are there, and nothing counts as installed', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id], {
      parameters: { mode: { download: 'forced', update: 'skip' } },
    });
    const { body } = await product.fetchDeployment();
    expect(body.deployment).toMatchObject({ download: 'forced', update: 'skip' });
    expect(body.deployment.maintenanceWindow).toBeUndefined();
    const actionId = body.id as string;
    await product.feedback(actionId, 'downloaded', 'none', ['on the way']);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'downloaded' });
    // As rauc-hawkbit-updater ends it; no `closed` follows.
    expect((await product.feedback(actionId, 'downloaded', 'success', ['File checksum OK.'])).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'succeeded', versionAfter: null });
    expect((await product.poll()).body._links).toEqual({});
    expect((await product.feedback(actionId, 'downloaded', 'success')).status).toBe(410);
    expect((await site.api.get(`/api/v1/agents/${id}`)).body.components).toEqual([]);
    // Its place is free for the order that installs.
    await site.deploy([release], [id]);
    expect((await product.fetchDeployment()).body.deployment).toMatchObject({ update: 'forced' });
  });

  it('gives links of the scheme, host and port that the product used, and plain ones that are plain', async () => {
    const id = site.fresh();
    const plain = await site.product(id);
    await site.deploy([release], [id]);
    const secure = new DdiClient(site.haishin.https, id, plain.options);
    const overHttps = (await secure.fetchDeployment()).body.deployment.chunks[0].artifacts[0]._links;
    expect(overHttps.download.href.startsWith(`${site.haishin.https}/DEFAULT/`)).toBe(true);
    expect(overHttps['download-http'].href.startsWith(`${site.haishin.http}/DEFAULT/`)).toBe(true);
    expect(overHttps['md5sum-http'].href.endsWith('.MD5SUM')).toBe(true);
    for (const link of [overHttps.download, overHttps['download-http']])
      expect((await plain.call('GET', link.href as string)).text).toBe(release.content.toString());
    const overHttp = (await plain.fetchDeployment()).body.deployment.chunks[0].artifacts[0]._links;
    expect(overHttp.download.href).toBe(overHttp['download-http'].href);
    // Nobody may forge where links lead.
    const forged = await plain.poll({ 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' });
    expect(JSON.stringify(forged.body)).not.toContain('evil.example');
  });

  it('offers signature and increments by metadata and links, as artifacts only to who understands several', async () => {
    const { body } = await site.api.post('/api/v1/commands', {
      type: 'refresh-inventory',
      targets: { agents: ['none'] },
    });
    expect(body).toMatchObject({ status: 404, code: 'agent-unknown' });
    const form = new FormData();
    form.set('version', '5.0');
    form.set('file', new Blob(['five']), 'rules-5.0.bin');
    form.set('signature', new Blob(['signed']), 'rules-5.0.sig');
    const uploaded = await site.api.call('POST', '/api/v1/components/rules/releases', form);
    expect(uploaded.status).toBeLessThan(300);
    const signed: TestRelease = { ...release, releaseId: uploaded.body.id as string, version: '5.0' };
    const [simple, clever] = [site.fresh(), site.fresh()];
    const one = await site.product(simple);
    const two = await site.product(clever, { 'haishin.capabilities': 'multi-artifact' });
    await site.deploy([signed], [simple, clever]);
    const [chunk] = (await one.fetchDeployment()).body.deployment.chunks;
    expect(chunk.artifacts).toHaveLength(1);
    const signature = await one.call('GET', chunk.artifacts[0]._links.signature.href as string);
    expect(signature.text).toBe('signed');
    expect(chunk.metadata.map(({ key }: { key: string }) => key)).toEqual(
      expect.arrayContaining(['manifestPath', 'kind', 'restarts', 'rawVersion', 'signaturePath']),
    );
    const [other] = (await two.fetchDeployment()).body.deployment.chunks;
    expect(other.artifacts).toHaveLength(2);
    expect(other.artifacts[0]._links.signature).toBeUndefined();
  });

  it('serves no file but those of the module', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id]);
    const [artifact] = (await product.fetchDeployment()).body.deployment.chunks[0].artifacts;
    const wrong = (artifact._links.download.href as string).replace('rules-4.0.bin', 'other.bin');
    expect((await product.call('GET', wrong)).status).toBe(404);
    expect((await product.call('GET', wrong.replace(/softwaremodules\/\d+/, 'softwaremodules/1'))).status).toBe(404);
    expect((await product.call('GET', wrong.replace(/softwaremodules\/\d+/, 'softwaremodules/%2e%2e'))).status).toBe(
      404,
    );
  });

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
