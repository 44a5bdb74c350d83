import { Waker } from '../../src/modules/agents/waker.js';
import { actionIdOf, DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('DDI v1 beyond the plain deployment', () => {
  let site: ManagedSite;
  let release: TestRelease;
  let number = 0;

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
    release = await site.release('rules', '4.0');
  });

  afterAll(() => site.dispose());

  const fresh = (): string => `p${(number += 1)}`;

  it('asks for attributes until it has them, and again when a person wants them', async () => {
    const { body } = await site.api.post('/api/v1/agents', { controllerId: 'attr' });
    const product = new DdiClient(site.haishin.http, 'attr', { token: body.securityToken as string });
    const { href } = (await product.poll()).body._links.configData;
    expect(href).toBe(`${product.base}/configData`);
    // As SWUpdate sends it: an id, a status, a time; numbers among the values.
    const sent = {
      id: '',
      status: { result: { finished: 'success' } },
      mode: 'merge',
      data: { device: 'mx', cores: 4 },
    };
    expect((await product.call('PUT', href as string, sent)).status).toBe(200);
    expect((await product.poll()).body._links).toEqual({});
    await product.configData({ device: 'my', more: 'x' });
    await product.configData({ more: '' }, 'remove');
    const view = async () => (await site.api.get('/api/v1/agents/attr')).body;
    expect((await view()).attributes).toEqual({ device: 'my', cores: '4' });
    await product.configData({ product: 'Gateway', version: '9.1' }, 'replace');
    expect(await view()).toMatchObject({
      attributes: { product: 'Gateway', version: '9.1' },
      productType: 'Gateway',
      productVersion: '9.1',
    });
    await site.api.call('PATCH', '/api/v1/agents/attr', { configDataWanted: true });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['configData']);
  });

  it('reads the inventory with its variants', async () => {
    const product = await site.product('inv', {
      'component.virus-pattern.version': '15.697.80',
      'component.virus-scan-engine.version': '12.5.1004',
      'component.unheard-of.version': 'beta',
      'component.BAD KEY.version': '1',
      'haishin.capabilities': 'rollback, schedule,multi-artifact,rollback',
    });
    const { body } = await site.api.get('/api/v1/agents/inv');
    expect(body.components).toMatchObject([
      { id: 'unheard-of', version: 'beta', rawVersion: 'beta', variant: null },
      { id: 'virus-pattern', version: '15.697.80', rawVersion: '1569780', variant: '80' },
      { id: 'virus-scan-engine', version: '12.500.1004', rawVersion: '12.5.1004', variant: null },
    ]);
    expect(body.capabilities).toEqual(['rollback', 'schedule', 'multi-artifact']);
    await product.configData({}, 'replace');
    expect((await site.api.get('/api/v1/agents/inv')).body.components).toEqual([]);
  });

  it('refuses bodies that are too much or nonsense, and goes on', async () => {
    const id = fresh();
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

  it('waits for the consent of somebody at the product', async () => {
    const id = fresh();
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

  it('consents by itself when the product says so', async () => {
    const id = fresh();
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
    const id = fresh();
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
    const id = fresh();
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
    const id = fresh();
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
    const [simple, clever] = [fresh(), fresh()];
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
    const id = fresh();
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

  it('waits while the product runs an update of its own', async () => {
    const id = fresh();
    const product = await site.product(id, { 'haishin.schedule': 'on' });
    await product.configData({ 'haishin.update': 'running' });
    const commandId = await site.deploy([release], [id]);
    expect((await product.poll()).body._links).toEqual({});
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'own-update-running' });
    await product.configData({ 'haishin.update': 'idle' });
    expect((await product.fetchDeployment()).status).toBe(200);
    const { body } = await site.api.get(`/api/v1/agents/${id}`);
    expect(body.conflicts).toMatchObject([{ code: 'own-schedule-on' }]);
    await product.configData({ 'haishin.schedule': 'off' });
    expect((await site.api.get(`/api/v1/agents/${id}`)).body.conflicts).toEqual([]);
  });

  it('does not believe for ever that an update runs', async () => {
    const id = fresh();
    const product = await site.product(id, { 'haishin.update': 'running' });
    await site.deploy([release], [id]);
    expect((await product.poll()).body._links).toEqual({});
    site.clock.advance(121 * 60_000);
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
  });

  it('takes updates that the product started itself into the history, each once', async () => {
    const id = fresh();
    const product = await site.product(id);
    const event = {
      id: '7d1c0e1a-0000-4000-8000-000000000001',
      time: '1970-01-01T00:00:00.000Z',
      component: 'virus-pattern',
      trigger: 'schedule',
      outcome: 'succeeded',
      versionBefore: '15.695.00',
      version: '15.697.00',
      code: 0,
      message: 'succeeded',
      unknown: 'field',
    };
    const failed = { ...event, id: 'second', component: 'rules', outcome: 'failed', code: 62, version: '9.9' };
    for (let time = 0; time < 3; time += 1)
      expect((await product.call('POST', '/events', { events: [event, failed] })).status).toBe(200);
    const { body: own } = await site.api.get(`/api/v1/agents/${id}/events`);
    expect(own.items).toHaveLength(2);
    // A clock that stands in 1970 tells nothing: the time of arrival stands instead.
    expect(own.items[0].at).toBe(site.clock.now().toISOString());
    const { body: log } = await site.api.get('/api/v1/events?component=virus-pattern');
    expect(log.items).toMatchObject([
      { trigger: 'product-schedule', outcome: 'updated', actor: id, version: '15.697.00' },
    ]);
    expect(log.items[0].text.en).toContain(id);
    const { body: agent } = await site.api.get(`/api/v1/agents/${id}`);
    expect(agent.components).toMatchObject([{ id: 'virus-pattern', rawVersion: '1569700', variant: '00' }]);
    // Half a character at the cut is none; a component that nobody knows stands in the history alone.
    const long = { ...event, id: 'long', outcome: 'failed', message: `${'x'.repeat(999)}😀` };
    const strange = { ...event, id: 'strange', component: 'unheard-of', version: '1' };
    expect((await product.call('POST', '/events', { events: [long, strange] })).status).toBe(200);
    const later = (await site.api.get(`/api/v1/agents/${id}`)).body.components;
    expect(later.map((each: { id: string }) => each.id)).toEqual(['virus-pattern']);
    for (const wrong of [{}, { events: 7 }, { events: [{}] }, { events: [{ ...event, trigger: 'moon' }] }])
      expect((await product.call('POST', '/events', wrong)).status).toBe(400);
  });

  it('carries orders other than deployments, and skips at once who cannot', async () => {
    const [able, unable] = [fresh(), fresh()];
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
});
