import { DataSource } from 'typeorm';
import { createHash } from 'node:crypto';
import { actionIdOf, type DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('a deployment as a product sees it', () => {
  let site: ManagedSite;
  let release: TestRelease;
  let product: DdiClient;
  let commandId: string;
  let actionId: string;

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
    release = await site.release('rules', '1.2.3', Buffer.from('the rules of today'));
    product = await site.product('mx1', { 'component.rules.version': '1.2.2' });
    commandId = await site.deploy([release], ['mx1'], { tries: 2, retryMinutes: 10 });
  });

  afterAll(() => site.dispose());

  it('is offered, with exactly one chunk and one artifact', async () => {
    expect(await site.target(commandId, 'mx1')).toMatchObject({
      state: 'queued',
      reason: 'waiting-for-agent',
      attempt: 1,
    });
    const base = await product.poll();
    expect(Object.keys(base.body._links)).toEqual(['deploymentBase']);
    actionId = actionIdOf(base.body._links.deploymentBase.href as string);
    const { status, headers, body } = await product.fetchDeployment();
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('application/hal+json');
    expect(body).toMatchObject({ id: actionId, deployment: { download: 'forced', update: 'forced' } });
    expect(body.deployment.maintenanceWindow).toBeUndefined();
    expect(body.actionHistory).toBeUndefined();
    expect(body.deployment.chunks).toHaveLength(1);
    const [chunk] = body.deployment.chunks;
    expect(chunk).toMatchObject({ part: 'rules', version: '1.2.3', name: 'Part rules' });
    expect(chunk.artifacts).toHaveLength(1);
    expect(chunk.artifacts[0]).toMatchObject({
      filename: 'rules-1.2.3.bin',
      size: release.content.length,
      hashes: {
        sha256: release.sha256,
        sha1: createHash('sha1').update(release.content).digest('hex'),
        md5: createHash('md5').update(release.content).digest('hex'),
      },
    });
    expect(await site.target(commandId, 'mx1')).toMatchObject({ state: 'delivered', group: 'inProgress' });
  });

  it('serves the artifact with a strong ETag, ranges and its MD5', async () => {
    const { body } = await product.fetchDeployment();
    const [artifact] = body.deployment.chunks[0].artifacts;
    const href = artifact._links.download.href as string;
    expect(href.startsWith(site.haishin.http)).toBe(true);
    const whole = await product.call('GET', href);
    expect(whole.status).toBe(200);
    expect(whole.text).toBe(release.content.toString());
    expect(whole.headers.etag).toBe(`"${release.sha256}"`);
    const part = await product.call('GET', href, undefined, {
      range: 'bytes=4-8',
      'if-range': whole.headers.etag ?? '',
    });
    expect(part.status).toBe(206);
    expect(part.text).toBe('rules');
    expect(part.headers['content-range']).toBe(`bytes 4-8/${release.content.length}`);
    expect((await product.call('GET', href, undefined, { 'if-none-match': `"${release.sha256}"` })).status).toBe(304);
    expect((await product.call('HEAD', href)).headers['content-length']).toBe(String(release.content.length));
    const sum = await product.call('GET', artifact._links['md5sum-http'].href as string);
    expect(sum.text).toBe(`${artifact.hashes.md5}  rules-1.2.3.bin`);
    const listed = await product.call('GET', href.slice(0, href.lastIndexOf('/')));
    expect(listed.body).toMatchObject([{ filename: 'rules-1.2.3.bin' }]);
  });

  it('shows files and actions to nobody else', async () => {
    const other = await site.product('mx2');
    const { body } = await product.fetchDeployment();
    const path = new URL(body.deployment.chunks[0].artifacts[0]._links.download.href as string).pathname;
    const stolen = `${site.haishin.http}${path.replace('/mx1/', '/mx2/')}`;
    expect((await other.call('GET', stolen)).status).toBe(404);
    expect((await other.call('GET', `/deploymentBase/${actionId}`)).status).toBe(404);
    expect((await other.feedback(actionId, 'closed', 'success')).status).toBe(404);
    expect((await product.feedback('999999', 'closed', 'success')).status).toBe(404);
    expect((await product.feedback('not-a-number', 'closed', 'success')).status).toBe(404);
  });

  it('follows the phases, keeps the messages and bounds them', async () => {
    expect(
      (await product.feedback(actionId, 'download', 'none', ['begins'], { progress: { cnt: 1, of: 4 } })).status,
    ).toBe(200);
    expect(await site.target(commandId, 'mx1')).toMatchObject({ state: 'downloading', progress: 25 });
    await product.feedback(actionId, 'downloaded');
    expect(await site.target(commandId, 'mx1')).toMatchObject({ state: 'downloaded' });
    await product.feedback(actionId, 'rejected', 'none', ['a warning']);
    expect(await site.target(commandId, 'mx1')).toMatchObject({ state: 'downloaded', message: 'a warning' });
    const many = Array.from({ length: 2000 }, (_, index) => `line ${index} ${'x'.repeat(40)}`);
    many[0] = 'y'.repeat(5000);
    expect((await product.feedback(actionId, 'proceeding', 'none', many)).status).toBe(200);
    const target = await site.target(commandId, 'mx1');
    expect(target.state).toBe('installing');
    const last = target.timeline.at(-1);
    expect(last.messages).toHaveLength(50);
    expect(last.messages[0]).toHaveLength(1000);
    expect(last.dropped).toBe(1951);
    await product.feedback(actionId, 'proceeding', 'none', ['half', 'done']);
    const told = await product.call('GET', `/deploymentBase/${actionId}?actionHistory=3`);
    expect(told.body.actionHistory).toEqual({ status: 'RUNNING', messages: [last.messages[49], 'half', 'done'] });
  });

  it('keeps a thousand reports of a try, takes the others all the same, and says how many', async () => {
    await site.get(DataSource).query(`update command_target set feedback_count = 999 where action_id = $1`, [actionId]);
    const before = await site.target(commandId, 'mx1');
    for (const text of ['the last one kept', 'too many', 'too many'])
      expect((await product.feedback(actionId, 'downloaded', 'none', [text])).status).toBe(200);
    expect((await product.feedback(actionId, 'proceeding')).status).toBe(200);
    const target = await site.target(commandId, 'mx1');
    expect(target).toMatchObject({ state: 'installing', message: 'too many', timelineOmitted: 0 });
    expect(target.timeline.at(-1).messages).toEqual(['the last one kept']);
    expect(target.droppedMessages - before.droppedMessages).toBe(3);
  });

  it('is tried again after a failure, as another action', async () => {
    const failed = await product.feedback(actionId, 'closed', 'failure', ['verification: 62: bad sum'], { code: 62 });
    expect(failed.status).toBe(200);
    expect(await site.target(commandId, 'mx1')).toMatchObject({
      state: 'queued',
      reason: 'retry-waiting',
      attempt: 2,
      attempts: [{ attempt: 1, state: 'failed', reason: 'verification', code: 62, actionId }],
    });
    expect((await product.poll()).body._links).toEqual({});
    // What comes late belongs to the try before.
    expect((await product.feedback(actionId, 'closed', 'failure')).status).toBe(410);
    expect((await product.call('GET', `/deploymentBase/${actionId}`)).status).toBe(410);
    await site.pass(11);
    const again = await product.fetchDeployment();
    expect(again.body.id).not.toBe(actionId);
    actionId = again.body.id as string;
  });

  it('succeeds, and the inventory knows it at once', async () => {
    const done = await product.feedback(actionId, 'closed', 'none', ['installed']);
    expect(done.status).toBe(200);
    const target = await site.target(commandId, 'mx1');
    expect(target).toMatchObject({ state: 'succeeded', versionAfter: '1.2.3', attempt: 2 });
    expect(target.attempts).toHaveLength(2);
    const { body: agent } = await site.api.get('/api/v1/agents/mx1');
    expect(agent.components).toMatchObject([{ id: 'rules', version: '1.2.3' }]);
    const base = await product.poll();
    // The success may have changed more than we know: the product is asked.
    expect(Object.keys(base.body._links)).toEqual(['configData', 'installedBase']);
    const installed = await product.call('GET', base.body._links.installedBase.href as string);
    expect(installed.body).toMatchObject({ id: actionId, deployment: { chunks: [{ part: 'rules' }] } });
    expect((await product.feedback(actionId, 'closed', 'success')).status).toBe(410);
  });

  it('forgets nothing of it when the product speaks of other things, or of older ones', async () => {
    const versions = async () =>
      (await site.api.get('/api/v1/agents/mx1')).body.components.map(
        ({ id, version }: { id: string; version: string }) => `${id} ${version}`,
      );
    // As products of other makers do, that know no components.
    await product.configData({ device: 'board' });
    expect(await versions()).toEqual(['rules 1.2.3']);
    await product.configData({ 'component.rules.version': '1.2.3', 'component.more.version': '7' });
    await product.configData({ 'component.more.version': '' });
    await product.configData({ constructor: 'a name like any other' });
    await product.configData({ device: 'other' });
    expect(await versions()).toEqual(['rules 1.2.3']);
    expect((await site.api.get('/api/v1/agents/mx1')).body.attributes).toMatchObject({
      constructor: 'a name like any other',
    });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['installedBase']);
  });

  it('ends the command with frozen numbers', async () => {
    await site.settle();
    const { body } = await site.api.get(`/api/v1/commands/${commandId}`);
    expect(body).toMatchObject({
      state: 'ended',
      counts: { all: 1, successful: 1, unsuccessful: 0, inProgress: 0, waiting: 0, skipped: 0 },
    });
  });
});
