import { HeldPolls } from '../../src/modules/agents/held-polls.js';
import { DdiClient } from '../support/ddi-client.js';
import { rawExchange } from '../support/raw-http.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { until } from '../support/until.js';

describe('held polls', () => {
  let site: ManagedSite;
  let second: TestHaishin;
  let release: TestRelease;
  let number = 0;

  beforeAll(async () => {
    site = await ManagedSite.start();
    // Another node on the same database and blobs.
    second = await startHaishin({ clock: site.clock, database: site.haishin.database, dataDir: site.haishin.dataDir });
    await site.component('rules');
    release = await site.release('rules', '3.0');
  });

  afterAll(async () => {
    await second.stop();
    await site.dispose();
  });

  const fresh = (): string => `h${(number += 1)}`;
  const held = (haishin: TestHaishin): number =>
    haishin.server.application()?.get(HeldPolls, { strict: false }).size ?? -1;
  const holding = (haishin: TestHaishin, count = 1): Promise<void> =>
    until(`${count} held`, () => held(haishin) === count);

  it('are answered when their time is over', async () => {
    const product = await site.product(fresh());
    const begun = performance.now();
    const answer = await product.poll({ prefer: 'wait=1' });
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(answer).toMatchObject({ status: 200, body: { _links: {} } });
    expect(answer.headers).toMatchObject({ 'preference-applied': 'wait', 'cache-control': 'private, no-cache' });
    // Nothing new, and it says so.
    const same = await product.poll({ prefer: 'wait=1', 'if-none-match': answer.headers.etag ?? '' });
    expect(same.status).toBe(304);
    expect((await product.poll({ 'if-none-match': answer.headers.etag ?? '' })).status).toBe(304);
  });

  it('of one product are few: it cannot take the place of all others', async () => {
    const product = await site.product(fresh());
    const waiting = Array.from({ length: 8 }, () => product.poll({ prefer: 'wait=100' }));
    await holding(site.haishin, 8);
    expect((await product.poll({ prefer: 'wait=100' })).status).toBe(200);
    const other = await site.product(fresh());
    const held = other.poll({ prefer: 'wait=100' });
    await holding(site.haishin, 9);
    const released = Promise.allSettled([...waiting, held]);
    product.abort();
    other.abort();
    await released;
    await holding(site.haishin, 0);
  });

  it('are not held when there is something, configData included', async () => {
    const { body } = await site.api.post('/api/v1/agents', { controllerId: 'new-one' });
    const product = new DdiClient(site.haishin.http, 'new-one', { token: body.securityToken as string });
    const answer = await product.poll({ prefer: 'respond-async, wait=100' });
    expect(Object.keys(answer.body._links)).toEqual(['configData']);
    expect(answer.headers['preference-applied']).toBe('wait');
  });

  it('are answered at the moment when the maintenance window of their order opens', async () => {
    const id = fresh();
    const product = await site.product(id);
    const opens = new Date(site.clock.now().getTime() + 1_500);
    const window = { kind: 'once' as const, from: opens.toISOString(), to: '2099-01-01T00:00:00Z' };
    await site.deploy([release], [id], { parameters: { window } });
    const shut = await product.poll();
    const waiting = product.poll({ prefer: 'wait=60', 'if-none-match': shut.headers.etag ?? '' });
    await holding(site.haishin);
    site.clock.advance(1_500);
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.body._links.deploymentBase.href).not.toBe(shut.body._links.deploymentBase.href);
    expect((await product.fetchDeployment()).body.deployment).toMatchObject({ maintenanceWindow: 'available' });
  });

  it('are woken by an order, on the node where it was given and on any other', async () => {
    const id = fresh();
    const product = await site.product(id);
    const elsewhere = new DdiClient(second.http, id, product.options);
    const here = product.poll({ prefer: 'wait=60' });
    const there = elsewhere.poll({ prefer: 'wait=60' });
    await Promise.all([holding(site.haishin), holding(second)]);
    await site.deploy([release], [id]);
    for (const answer of await Promise.all([here, there]))
      expect(Object.keys(answer.body._links)).toEqual(['deploymentBase']);
    expect(held(site.haishin) + held(second)).toBe(0);
  });

  it('hold on while an answer would tell what the product knows already', async () => {
    const id = fresh();
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id]);
    await until('offered', async () => 'deploymentBase' in (await product.poll()).body._links);
    const known = await product.poll();
    const waiting = product.poll({ prefer: 'wait=60', 'if-none-match': known.headers.etag ?? '' });
    await holding(site.haishin);
    await site.api.post(`/api/v1/commands/${commandId}/cancel`);
    // The offer vanished, but that alone is nothing to do: the product learns it when its time is over or something comes.
    expect(held(site.haishin)).toBe(1);
    await site.deploy([release], [id]);
    expect(Object.keys((await waiting).body._links)).toEqual(['deploymentBase']);
  });

  it('tell that attributes are wanted again, also to a product that remembers how they were asked for before', async () => {
    const id = fresh();
    const product = await site.product(id);
    const ask = () => site.api.call('PATCH', `/api/v1/agents/${id}`, { configDataWanted: true });
    await ask();
    const asked = await product.poll();
    site.clock.advance(1);
    await product.configData({ device: 'board' });
    const waiting = product.poll({ prefer: 'wait=60', 'if-none-match': asked.headers.etag ?? '' });
    await holding(site.haishin);
    await ask();
    const again = await waiting;
    expect(Object.keys(again.body._links)).toEqual(['configData']);
    // Who has not answered yet need not be told twice.
    expect((await product.poll({ 'if-none-match': again.headers.etag ?? '' })).status).toBe(304);
  });

  it('are woken when the other node takes feedback that lets the next order through', async () => {
    const id = fresh();
    const product = await site.product(id);
    await site.deploy([release], [id]);
    const { body } = await product.fetchDeployment();
    await site.deploy([release], [id]);
    const elsewhere = new DdiClient(second.http, id, product.options);
    await elsewhere.feedback(body.id as string, 'closed', 'success');
    // After a success the attributes are wanted, too.
    await product.configData({});
    const waiting = await product.poll({ prefer: 'wait=60' });
    expect(waiting.body._links.deploymentBase.href).not.toContain(`/${body.id}?`);
  });

  it('are woken by many orders at once, all of them', async () => {
    const ids = Array.from({ length: 300 }, fresh);
    const { body } = await site.api.post(
      '/api/v1/agents',
      ids.map((controllerId) => ({ controllerId })),
    );
    const products = (body as { controllerId: string; securityToken: string }[]).map(
      ({ controllerId, securityToken }, index) =>
        new DdiClient(index % 2 === 0 ? site.haishin.http : second.http, controllerId, { token: securityToken }),
    );
    await Promise.all(products.map((product) => product.configData({})));
    const polls = products.map((product) => product.poll({ prefer: 'wait=100' }));
    await Promise.all([holding(site.haishin, 150), holding(second, 150)]);
    await site.deploy([release], ids);
    const answers = await Promise.all(polls);
    expect(answers.every((answer) => 'deploymentBase' in answer.body._links)).toBe(true);
  });

  it('leave nothing behind when the product goes away', async () => {
    const product = await site.product(fresh());
    const poll = product.call('GET', '', undefined, { prefer: 'wait=100' }).catch(() => undefined);
    await holding(site.haishin);
    // As the product's host does when it loses power: the socket is simply gone.
    product.abort();
    await poll;
    await holding(site.haishin, 0);
  });

  it('are answered at once to a product that closes its half of the connection', async () => {
    const product = await site.product(fresh());
    const lines = [`GET ${product.base} HTTP/1.1`, 'Host: x', 'Prefer: wait=100'];
    const login = `Authorization: TargetToken ${product.options.token}`;
    const answer = await rawExchange(site.haishin.http, [...lines, login, '', ''].join('\r\n'), true);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(held(site.haishin)).toBe(0);
  });

  it('are answered when the server stops', async () => {
    const third = await startHaishin({
      clock: site.clock,
      database: site.haishin.database,
      dataDir: site.haishin.dataDir,
    });
    const product = await site.product(fresh());
    const poll = new DdiClient(third.http, product.controllerId, product.options).poll({ prefer: 'wait=100' });
    await holding(third);
    await third.stop();
    expect((await poll).status).toBe(200);
  });
});
