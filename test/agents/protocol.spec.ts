import pg from 'pg';
import { Waker } from '../../src/modules/agents/waker.js';
import { DdiClient } from '../support/ddi-client.js';
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
});
