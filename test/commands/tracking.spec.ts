import type { DdiClient } from '../support/ddi-client.js';
import { TEST_TOKEN } from '../support/haishin.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { Months } from '../../src/modules/commands/months.js';
import { CommandRepository } from '../../src/modules/commands/command.repository.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { startSampleUpstream } from '../../src/sample-upstream/sample-server.js';
import { until } from '../support/until.js';

describe('command tracking', () => {
  let site: ManagedSite;
  let upstream: Awaited<ReturnType<typeof startSampleUpstream>>;
  let rules: TestRelease;
  let lists: TestRelease;
  let products: DdiClient[];

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.01 }) });
    site = await ManagedSite.start({ upstreamUrl: upstream.url });
    await site.component('rules');
    await site.component('lists');
    rules = await site.release('rules', '1.0');
    lists = await site.release('lists', '1.0');
    products = [await site.product('t1'), await site.product('t2'), await site.product('t3')];
  });

  afterAll(async () => {
    await site.dispose();
    await upstream.close();
  });

  const list = async (query: string) => (await site.api.get(`/api/v1/commands?${query}`)).body;
  const ids = async (query: string): Promise<string[]> =>
    (await list(query)).items.map((item: { id: string }) => item.id);

  it('holds downloads and uploads beside deployments, with their issuers', async () => {
    await site.api.download(['virus-pattern']);
    await until(
      'the download is tracked to its end',
      async () => (await ids('type=download&state=ended')).length === 1,
    );
    const [download] = (await list('type=download')).items;
    expect(download).toMatchObject({ issuedBy: 'bootstrap', counts: { all: 1, successful: 1 } });
    expect(download.components).toContain('virus-pattern');
    expect(await ids('component=virus-pattern')).toEqual([download.id]);
    const uploads = (await list('type=upload')).items;
    expect(uploads).toHaveLength(2);
    expect((await site.api.get(`/api/v1/commands/${uploads[0].id}/targets`)).body.items).toMatchObject([
      { controllerId: '@server', state: 'succeeded' },
    ]);
    for (const order of ['cancel', 'retry'])
      expect((await site.api.post(`/api/v1/commands/${download.id}/${order}`)).body).toMatchObject({
        code: 'command-of-server',
      });
    await site.api.download(['virus-pattern']);
    await until('the second one ended', async () => (await ids('type=download&state=skipped')).length === 1);
  });

  it('finds by type, state, issuer, time, product, component and text', async () => {
    site.clock.advance(60_000);
    const from = site.clock.now().toISOString();
    const first = await site.deploy([rules], ['t1', 't2'], { issuedBy: 'alice' });
    site.clock.advance(60_000);
    const second = await site.deploy([lists], ['t2'], { issuedBy: 'bob' });
    await products[0]?.feedback((await products[0].fetchDeployment()).body.id as string, 'closed', 'success');
    expect((await ids('type=deploy')).slice(0, 2)).toEqual([second, first]);
    expect(await ids('issuedBy=alice')).toEqual([first]);
    expect(await ids('agent=t1')).toEqual([first]);
    expect(await ids('agent=t2')).toEqual([second, first]);
    expect(await ids('agent=t2&state=successful')).toEqual([]);
    expect(await ids('agent=t1&state=succeeded')).toEqual([first]);
    expect(await ids('component=lists&type=deploy')).toEqual([second]);
    expect(await ids('component=rules&agent=t2')).toEqual([first]);
    expect(await ids(`from=${from}&to=${site.clock.now().toISOString()}`)).toEqual([first]);
    expect(await ids('text=ali')).toEqual([first]);
    expect(await ids('text=BOB dep')).toEqual([second]);
    expect(await ids(`text=${encodeURIComponent("' | & ! ( <-> \\ ':*")}`)).toEqual([]);
    expect(await ids('state=waiting&type=deploy')).toEqual([second, first]);
    expect(await ids('state=queued&issuedBy=bob')).toEqual([second]);
    expect(await ids('state=unsuccessful')).toEqual([]);
    expect(await ids('state=open&type=deploy')).toEqual([second, first]);
    const { items } = await list('issuedBy=alice');
    expect(items[0]).toMatchObject({
      counts: {
        all: 2,
        successful: 1,
        waiting: 1,
        unsuccessful: 0,
        inProgress: 0,
        skipped: 0,
        superseded: 0,
        expired: 0,
        cancelled: 0,
      },
    });
    for (const wrong of [
      'type=nonsense',
      'type=',
      'type=,',
      'state=nonsense',
      'from=yesterday',
      'cursor=abc',
      'limit=0',
      'limit=501',
    ])
      expect((await site.api.get(`/api/v1/commands?${wrong}`)).status).toBe(400);
    expect((await site.api.get('/api/v1/commands/not-an-id')).body).toMatchObject({
      status: 404,
      code: 'command-unknown',
    });
    expect((await site.api.get(`/api/v1/commands/${first}/targets?state=nonsense`)).body).toMatchObject({
      code: 'state-unknown',
    });
    expect((await site.api.get(`/api/v1/commands/${first}/targets?state=waiting`)).body.items).toMatchObject([
      { controllerId: 't2' },
    ]);
    expect((await site.api.get(`/api/v1/commands/${first}/targets/t3`)).body).toMatchObject({ code: 'target-unknown' });
    for (const id of [first, second]) await site.api.post(`/api/v1/commands/${id}/cancel`);
  });

  it('pages without gaps and repetitions while new ones come', async () => {
    for (let index = 0; index < 7; index += 1) await site.deploy([rules], ['t3'], { issuedBy: 'pager' });
    const all = await ids('issuedBy=pager&limit=500');
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await list(`issuedBy=pager&limit=3${cursor}`);
      seen.push(...(page.items as { id: string }[]).map(({ id }) => id));
      await site.deploy([rules], ['t3'], { issuedBy: 'pager' });
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    expect(seen).toEqual(all);
    // The superseded ones and those that are open are found in one list.
    expect((await ids('issuedBy=pager&state=superseded&limit=500')).length).toBeGreaterThan(5);
  });

  it('counts the same whether differences are summed up or not, and after the end', async () => {
    const commandId = await site.deploy([rules], ['t1', 't2', 't3'], { tries: 1 });
    const [one, two] = products;
    for (const product of [one, two]) {
      const id = (await product?.fetchDeployment())?.body.id as string;
      for (let step = 0; step < 12; step += 1) await product?.feedback(id, step % 2 === 0 ? 'download' : 'proceeding');
      await product?.feedback(id, 'closed', product === one ? 'success' : 'failure');
    }
    const counts = async () => (await site.api.get(`/api/v1/commands/${commandId}`)).body.counts;
    const before = await counts();
    expect(before).toMatchObject({ all: 3, successful: 1, unsuccessful: 1, waiting: 1 });
    await site.get(CommandRepository).foldTallies();
    expect(await counts()).toEqual(before);
    await site.api.post(`/api/v1/commands/${commandId}/cancel`);
    await site.settle();
    expect(await counts()).toMatchObject({ all: 3, successful: 1, unsuccessful: 1, cancelled: 1, waiting: 0 });
  });

  it('exports lines that a spreadsheet does not run', async () => {
    const commandId = await site.deploy([rules], ['t1'], { issuedBy: '=cmd|calc', tries: 1 });
    const product = products[0];
    const id = (await product?.fetchDeployment())?.body.id as string;
    await product?.feedback(id, 'closed', 'failure', ['@SUM(1,2)\n"quoted"']);
    const csv = (await site.api.get('/api/v1/commands/export?format=csv&issuedBy=%3Dcmd%7Ccalc')).body as string;
    expect(csv.split('\r\n')[0]).toContain('issuedAt,commandId,type,issuedBy,controllerId,state');
    expect(csv).toContain(`${commandId},deploy,'=cmd|calc,t1,failed`);
    expect(csv).toContain(`"'@SUM(1,2)\n""quoted"""`);
    const headers = { authorization: `Bearer ${TEST_TOKEN}` };
    const all = await (await fetch(`${site.haishin.http}/api/v1/commands/export?format=ndjson`, { headers })).text();
    const lines = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { commandId: string; state: string });
    expect(lines.filter((line) => line.commandId === commandId)).toMatchObject([
      { controllerId: 't1', state: 'failed' },
    ]);
    expect((await site.api.get('/api/v1/commands/export?format=xml')).status).toBe(400);
    // Of one product its own lines are wanted.
    for (const id of ['own1', 'own2']) await site.product(id);
    await site.deploy([lists], ['own1', 'own2']);
    const own = (await site.api.get('/api/v1/commands/export?format=csv&agent=own1')).body as string;
    expect(own).toContain(',own1,');
    expect(own).not.toContain(',own2,');
  });

  it('marks who is slow, expires who is silent, and spares who is at it', async () => {
    const commandId = await site.deploy([rules], ['t1', 't2', 't3'], { tries: 1 });
    const [slow, busy] = products;
    const slowId = (await slow?.fetchDeployment())?.body.id as string;
    await slow?.feedback(slowId, 'download');
    const busyId = (await busy?.fetchDeployment())?.body.id as string;
    await busy?.feedback(busyId, 'download');
    await site.pass(121);
    expect(await site.target(commandId, 't1')).toMatchObject({
      state: 'downloading',
      slowSince: site.clock.now().toISOString(),
    });
    expect((await slow?.feedback(slowId, 'download'))?.status).toBe(200);
    expect((await site.target(commandId, 't1')).slowSince).toBeNull();
    // Told within its time: the server's own sweep may come at any moment.
    site.clock.advance(21 * 3_600_000);
    await busy?.feedback(busyId, 'download', 'none', [], { progress: { cnt: 1, of: 2 } });
    await site.pass(61);
    expect(await site.target(commandId, 't1')).toMatchObject({ state: 'expired', reason: 'not-finished' });
    expect(await site.target(commandId, 't2')).toMatchObject({ state: 'downloading', progress: 50 });
    expect(await site.target(commandId, 't3')).toMatchObject({ state: 'expired', reason: 'not-fetched' });
    await slow?.configData({ product: 'Mail Gateway' });
    expect((await slow?.poll())?.body._links).toEqual({ installedBase: expect.anything() });
    expect((await slow?.feedback(slowId, 'closed', 'success'))?.status).toBe(410);
    // It was done all the same: what the product has now is asked for, so that nobody sends it the same again.
    expect((await slow?.poll())?.body._links.configData).toBeDefined();
    expect((await busy?.feedback(busyId, 'closed', 'success'))?.status).toBe(200);
  });

  it.each([
    ['agents/t1/events', ['+275760-09-13T00:00:00Z', '00000000-0000-4000-8000-000000000000']],
    ['commands', ['+275760-09-13T00:00:00Z', '1']],
  ])('a cursor of %s that nobody was given is refused', async (path, key) => {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url');
    expect((await site.api.get(`/api/v1/${path}?cursor=${cursor}`)).status).toBe(400);
  });

  it('has no pages in an export', async () => {
    expect((await site.api.get('/api/v1/commands/export?format=csv')).status).toBe(200);
    for (const query of ['limit=1', 'cursor=abc'])
      expect(await site.api.get(`/api/v1/commands/export?format=csv&${query}`)).toMatchObject({
        status: 400,
        body: { code: 'validation-failed' },
      });
  });

  it('removes old months whole, and nothing else', async () => {
    const months = site.get(Months);
    const commandId = await site.deploy([rules], ['t3'], { issuedBy: 'early' });
    await months.dropOld();
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).status).toBe(200);
    site.clock.advance(14 * 31 * 86_400_000);
    await months.makeAhead();
    const late = await site.deploy([rules], ['t3'], { issuedBy: 'late' });
    // Every node does it, in the same minute of the night.
    const gone = await Promise.all([months.dropOld(), months.dropOld()]);
    expect(gone.flat().length).toBeGreaterThan(0);
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).status).toBe(404);
    expect((await list('limit=500')).items).toMatchObject([{ id: late }]);
    expect((await products[2]?.poll())?.body._links.deploymentBase).toBeDefined();
  });
});
