import { DataSource } from 'typeorm';
import { ContactRecorder } from '../../src/modules/agents/contact-recorder.js';
import { LateJoiners } from '../../src/modules/deploy/late-joiners.js';
import { RingRepository } from '../../src/modules/deploy/ring.repository.js';
import { RingRunner } from '../../src/modules/deploy/ring.runner.js';
import { ManagedSite } from '../support/managed-site.js';

const YEARS = 10 * 365 * 86_400_000;

describe('a clock that was years ahead for a while and was set right', () => {
  let site: ManagedSite;

  beforeAll(async () => {
    site = await ManagedSite.start();
  });

  afterAll(() => site.dispose());

  /** Does it while the clock is wrong. */
  const ahead = async (work: () => Promise<unknown>): Promise<void> => {
    site.clock.advance(YEARS);
    await work();
    site.clock.advance(-YEARS);
  };

  it('does not keep a silent product online', async () => {
    const product = await site.product('p1');
    const heard = async (): Promise<void> => {
      await product.poll();
      await site.get(ContactRecorder).flush();
    };
    await ahead(heard);
    await heard();
    const right = site.clock.now().toISOString();
    expect((await site.api.get('/api/v1/agents/p1')).body).toMatchObject({ state: 'online', lastContactAt: right });
    site.clock.advance(86_400_000);
    // What this process has heard last is in the table by now.
    await site.get(ContactRecorder).flush();
    expect((await site.api.get('/api/v1/agents/p1')).body).toMatchObject({ state: 'offline', lastContactAt: right });
  });

  it('does not take a product for busy with its own update for years', async () => {
    const product = await site.product('p2');
    const release = await site.firstRelease('lists', '1');
    await ahead(() => product.configData({ 'haishin.update': 'running' }));
    await site.deploy([release], ['p2']);
    expect((await product.poll()).body._links).toHaveProperty('deploymentBase');
  });

  it('does not leave a deployment alone for years', async () => {
    const release = await site.firstRelease('rules', '1');
    await site.api.post('/api/v1/deployment-plans', {
      name: 'by hand',
      rings: [
        { name: 'first', select: { count: 1 }, start: { kind: 'at-once' }, gate: { approval: true } },
        { name: 'all', select: { all: true }, start: { kind: 'at-once' } },
      ],
    });
    const body = { releases: [release.releaseId], targets: { all: true }, plan: 'by hand' };
    const { id, commandId } = (await site.api.post('/api/v1/deployments', body)).body;
    const [part] = await site
      .get(DataSource)
      .query<{ id: string }[]>(`select id from deployment_part where deployment_id = $1`, [id]);
    const partId = part?.id ?? '';
    await ahead(async () => {
      await site.get(LateJoiners).look(partId);
      await site.get(RingRunner).turn(partId);
    });
    expect(await site.get(RingRepository).due(site.clock.now(), 100)).toContain(partId);
    await site.product('late');
    await site.get(LateJoiners).look(partId);
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).body.counts).toMatchObject({ all: 3 });
  });
});
