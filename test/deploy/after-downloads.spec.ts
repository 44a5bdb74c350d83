import { DataSource } from 'typeorm';
import { AutomaticDeployments } from '../../src/modules/deploy/automatic.deployments.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { startSampleUpstream } from '../../src/sample-upstream/sample-server.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { fleetOf, reached, targets, type Json } from '../support/products.js';
import { until } from '../support/until.js';
import type { Fleet } from '../../src/fleet/fleet.js';

describe('after a download', () => {
  let upstream: Awaited<ReturnType<typeof startSampleUpstream>>;
  let haishin: TestHaishin;
  let fleet: Fleet;

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.005 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url });
    fleet = await fleetOf(haishin.api, { agents: 3, behaviour: { downloads: true } });
    await haishin.api.download();
  });

  afterAll(async () => {
    await fleet.stop();
    await haishin.dispose();
    await upstream.close();
  });

  const setting = (value: object): Promise<unknown> => haishin.api.put('/api/v1/settings/deployment', value);
  const news = async (...components: string[]): Promise<string> => {
    upstream.publish(components);
    return (await haishin.api.download()).id as string;
  };
  const deploymentsOf = async (downloadId: string): Promise<Json[]> =>
    (await haishin.api.get('/api/v1/deployments?limit=500')).body.items.filter(
      (each: Json) => each.downloadId === downloadId,
    );
  /** A decision stands in the database, also when it was to do nothing. */
  const decided = (downloadId: string): Promise<void> =>
    until('the download has been decided on', async () => {
      const rows = await haishin.server
        .application()
        ?.get(DataSource)
        .query<unknown[]>(`select 1 from download_deployment where download_id = $1 and components = '{}'`, [
          downloadId,
        ]);
      return rows?.length === 1;
    });

  it('nothing is deployed out of the box', async () => {
    expect((await haishin.api.get('/api/v1/settings/deployment')).body).toMatchObject({
      afterDownload: 'do-not-deploy',
    });
    const download = await news('virus-pattern');
    await decided(download);
    expect(await deploymentsOf(download)).toEqual([]);
  });

  it('what is new goes to everybody at once, and products install it', async () => {
    await setting({ afterDownload: 'immediately', planId: null, enginePlanId: null });
    const download = await news('virus-pattern');
    await decided(download);
    const [deployment, ...others] = await deploymentsOf(download);
    expect(others).toEqual([]);
    expect(deployment).toMatchObject({
      trigger: 'download',
      plan: null,
      releases: [{ component: 'virus-pattern', channel: 'japan' }],
    });
    await reached(haishin.api, deployment.id, 'finished');
    expect(Object.values(await targets(haishin.api, deployment.commandId))).toEqual(Array(3).fill('succeeded'));
    expect(fleet.counters.bytes).toBeGreaterThan(0);
    const shown = (await haishin.api.component('virus-pattern')).current.version;
    expect(fleet.agents[0]?.installed['virus-pattern']).toBe(shown);
  });

  it('nothing follows a download without news', async () => {
    const { id, state } = await haishin.api.download();
    expect(state).toBe('unchanged');
    await decided(id);
    expect(await deploymentsOf(id)).toEqual([]);
  });

  it('what is new goes by the plan', async () => {
    await setting({ afterDownload: 'by-plan', planId: null, enginePlanId: null });
    const download = await news('virus-pattern');
    await decided(download);
    const [deployment] = await deploymentsOf(download);
    expect(deployment).toMatchObject({ plan: { name: 'safe mode' } });
    await until('the first product has it', async () => {
      const { rings } = (await haishin.api.get(`/api/v1/deployments/${deployment.id}`)).body;
      return rings[0].gate.blockedBy?.code === 'gate-soak';
    });
    const view = (await haishin.api.get(`/api/v1/deployments/${deployment.id}`)).body;
    expect(view.rings.map((ring: Json) => ring.counts.succeeded)).toEqual([1, 0, 0]);
    await haishin.api.post(`/api/v1/deployments/${deployment.id}/abort`);
  });

  it('only newer versions follow when only those are wanted', async () => {
    await setting({ afterDownload: 'when-new', planId: null, enginePlanId: null });
    const download = await news('virus-pattern', 'spyware-pattern');
    await decided(download);
    const [deployment] = await deploymentsOf(download);
    expect(deployment.releases.map((release: Json) => release.component).sort()).toEqual([
      'spyware-pattern',
      'virus-pattern',
    ]);
    await reached(haishin.api, deployment.id, 'finished');
  });

  it('a bound plan takes its components, the setting the rest, and engines go apart', async () => {
    const ring = { name: 'all', select: { all: true }, start: { kind: 'at-once' } };
    const engines = (
      await haishin.api.post('/api/v1/deployment-plans', {
        name: 'engines',
        rings: [{ ...ring, start: { kind: 'delay', minutes: 60 } }],
      })
    ).body;
    const bound = { name: 'bound', rings: [ring], boundTo: 'plan', components: ['spyware-pattern'] };
    expect((await haishin.api.post('/api/v1/deployment-plans', bound)).status).toBe(201);
    const rival = await haishin.api.post('/api/v1/deployment-plans', { ...bound, name: 'rival' });
    expect([rival.status, rival.body.code]).toEqual([409, 'component-bound-twice']);
    await setting({ afterDownload: 'immediately', planId: null, enginePlanId: engines.id });

    const download = await news('virus-pattern', 'spyware-pattern', 'virus-scan-engine');
    await decided(download);
    const made = await deploymentsOf(download);
    const facts = made.map(({ plan, releases, commandIds }: Json) => [
      plan?.name ?? null,
      releases.map((release: Json) => release.component).sort(),
      commandIds.length,
    ]);
    expect(facts.sort((a, b) => String(a[0]).localeCompare(String(b[0])))).toEqual([
      ['bound', ['spyware-pattern'], 1],
      [null, ['virus-pattern', 'virus-scan-engine'], 2],
    ]);
    const apart = made.find(({ plan }: Json) => plan === null);
    await until('patterns are through', async () => {
      const { parts } = (await haishin.api.get(`/api/v1/deployments/${apart.id}`)).body;
      return parts[0].state === 'finished';
    });
    const { parts } = (await haishin.api.get(`/api/v1/deployments/${apart.id}`)).body;
    const { finishedAt } = (await haishin.api.get(`/api/v1/downloads/${download}`)).body;
    expect(Date.parse(parts[1].rings[0].opensAt as string)).toBe(Date.parse(finishedAt as string) + 3_600_000);
  });

  it('a download that was decided on is not decided on again', async () => {
    await setting({ afterDownload: 'immediately', planId: null, enginePlanId: null });
    const download = await news('virus-pattern');
    await decided(download);
    const automatic = haishin.server.application()?.get(AutomaticDeployments);
    await Promise.all([automatic?.after(download), automatic?.after(download), automatic?.makeUp()]);
    expect(await deploymentsOf(download)).toHaveLength(1);
  });
});

describe('after a download, with a source of its own for the japan channel', () => {
  const sample = (japanTree: boolean): ReturnType<typeof startSampleUpstream> =>
    startSampleUpstream({ tree: new SampleTree({ scale: 0.0005, japanTree }) });
  let upstreams: Awaited<ReturnType<typeof startSampleUpstream>>[];
  let haishin: TestHaishin;

  beforeAll(async () => {
    upstreams = [await sample(false), await sample(true)];
    haishin = await startHaishin({ upstreamUrl: upstreams[0]?.url ?? '' });
    const path = '/api/v1/settings/update-source';
    const japanSources = [{ url: `${upstreams[1]?.url ?? ''}/japan` }];
    await haishin.api.put(path, { ...(await haishin.api.get(path)).body, japanSources });
    await haishin.api.post('/api/v1/agents', { controllerId: 'mx1' });
    await haishin.api.download();
    await haishin.api.put('/api/v1/settings/deployment', { afterDownload: 'immediately' });
  });

  afterAll(async () => {
    await haishin.dispose();
    for (const upstream of upstreams) await upstream.close();
  });

  it.each([
    ['japan', ['17.242.80']],
    ['global', []],
  ])('news of channel %s alone', async (channel, expected) => {
    upstreams[channel === 'japan' ? 1 : 0]?.publish(['virus-pattern']);
    const { id, state } = await haishin.api.download();
    expect(state).toBe('succeeded');
    await haishin.server
      .application()
      ?.get(AutomaticDeployments)
      .after(id as string);
    const { items } = (await haishin.api.get('/api/v1/deployments?limit=500')).body;
    const releases = items
      .filter((each: Json) => each.downloadId === id)
      .flatMap((each: Json) => each.releases.map((release: Json) => release.version));
    expect(releases).toEqual(expected);
  });
});
