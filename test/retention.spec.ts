import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ReleaseHolders } from '../src/mirror/snapshot/release-holders.js';
import { HOUR_MS, idsOf, RetentionSite } from './support/retention-site.js';

describe('retention', () => {
  let site: RetentionSite;
  beforeEach(async () => {
    site = await RetentionSite.start();
  });
  afterEach(() => site.dispose());

  it('shows what would go, removes just that, and leaves nothing that nothing needs', async () => {
    const all = await site.publications(5);
    await site.age();
    expect((await site.api.get('/api/v1/retention')).body).toMatchObject({
      snapshots: [],
      releases: [],
      // What the source's manifest was before: only its latest text is needed.
      blobs: { count: 4 },
    });
    await site.rules(2, 2);
    const before = await site.blobs();
    const preview = (await site.api.get('/api/v1/retention')).body;
    expect(idsOf(preview.snapshots)).toEqual(all.slice(0, 3));
    expect(preview.releases).toHaveLength(6);
    expect(preview.releases[0]).toMatchObject({ component: 'virus-pattern', rawVersion: expect.stringMatching(/^17/) });
    expect(preview.blobs.count).toBeGreaterThan(0);
    expect(await site.blobs()).toEqual(before);

    const report = await site.run();
    expect(idsOf(report.snapshots)).toEqual(idsOf(preview.snapshots));
    expect(idsOf(report.releases)).toEqual(idsOf(preview.releases));
    expect(report.blobs).toEqual(preview.blobs);
    const after = await site.blobs();
    expect(before.length - after.length).toBe(preview.blobs.count);
    expect(after).toHaveLength(report.kept.blobs.count);

    expect(idsOf((await site.api.get('/api/v1/snapshots')).body.items)).toEqual(all.slice(3));
    expect((await site.versions()).sort()).toEqual(['1724400', '1724480', '1724500', '1724580']);
    for (const channel of ['/activeupdate', '/activeupdate/japan']) {
      await site.expectWhole(channel);
      for (const id of all.slice(3)) await site.expectWhole(`${channel}/@${id}`);
      for (const id of all.slice(0, 3))
        expect((await fetch(`${site.haishin.http}${channel}/@${id}/server.ini`)).status).toBe(404);
    }
    expect((await readdir(join(site.haishin.dataDir, 'published', 'global'))).sort()).toEqual([
      ...all.slice(3),
      'current',
    ]);
    expect(await site.run()).toMatchObject({ snapshots: [], releases: [], blobs: { count: 0 } });
    // The next download builds on what is left.
    site.upstream.tree.publish();
    expect(await site.api.download()).toMatchObject({ state: 'succeeded' });
    await site.expectWhole('/activeupdate');
  });

  it('keeps more versions than snapshots, and one can go back to each of them', async () => {
    await site.publications(5);
    await site.rules(4, 2);
    await site.age();
    await site.run();
    expect((await site.api.get('/api/v1/snapshots')).body.items).toHaveLength(2);
    expect(await site.api.post('/api/v1/components/virus-pattern/rollback', { generations: 3 })).toMatchObject({
      status: 200,
      body: { channels: { global: { rawVersion: '1724200' }, japan: { rawVersion: '1724280' } } },
    });
    await site.expectWhole('/activeupdate');
    await site.expectWhole('/activeupdate/japan');
    expect(await site.api.post('/api/v1/components/virus-pattern/rollback')).toMatchObject({
      status: 409,
      body: { code: 'rollback-impossible' },
    });
    // What was gone back to is in force, and held: no rule lets go of it.
    site.clock.advance(1000 * HOUR_MS);
    await site.rules(1, 2);
    await site.age();
    await site.run();
    expect(await site.versions()).toEqual(expect.arrayContaining(['1724200', '1724280']));
    await site.expectWhole('/activeupdate');
  });

  it('counts what was brought back by when it was in force last: a rollback goes there', async () => {
    const component = '/api/v1/components/virus-pattern';
    await site.publications(4);
    expect(await site.api.post(`${component}/rollback`, { generations: 3 })).toMatchObject({ status: 200 });
    site.clock.advance(3 * HOUR_MS);
    await site.api.post(`${component}/resume`);
    for (const id of ['virus-pattern', 'spyware-pattern', 'spyware-pattern']) {
      site.upstream.tree.publish([id]);
      expect(await site.api.download()).toMatchObject({ state: 'succeeded' });
      site.clock.advance(3 * HOUR_MS);
    }
    await site.settled();
    await site.rules(2, 2);
    await site.run();
    expect((await site.versions()).sort()).toEqual(['1724100', '1724180', '1724500', '1724580']);
    expect(await site.api.post(`${component}/rollback`)).toMatchObject({
      status: 200,
      body: { channels: { global: { version: '17.241.00' } } },
    });
  });

  it('keeps a pinned snapshot complete until it is let go', async () => {
    const [first = ''] = await site.publications(4);
    const pinned = await site.api.call('PATCH', `/api/v1/snapshots/${first}`, { pinned: true });
    expect(pinned).toMatchObject({ status: 200, body: { id: first, pinned: true } });
    await site.rules(1, 2);
    await site.age();
    expect(idsOf((await site.run()).snapshots)).not.toContain(first);
    await site.expectWhole(`/activeupdate/@${first}`);
    await site.expectWhole(`/activeupdate/japan/@${first}`);
    await site.api.call('PATCH', `/api/v1/snapshots/${first}`, { pinned: false });
    expect(idsOf((await site.run()).snapshots)).toEqual([first]);
    expect((await fetch(`${site.haishin.http}/activeupdate/@${first}/server.ini`)).status).toBe(404);
    expect(await site.api.call('PATCH', `/api/v1/snapshots/${first}`, { pinned: true })).toMatchObject({
      status: 404,
      body: { code: 'snapshot-unknown' },
    });
    expect(await site.api.call('PATCH', `/api/v1/snapshots/${first}`, { pinned: 'yes' })).toMatchObject({
      status: 400,
    });
  });

  it('keeps releases that somebody holds', async () => {
    await site.publications(3);
    const oldest = (await site.api.get('/api/v1/releases?component=virus-pattern')).body.items.at(-1);
    const holders = site.haishin.server.application()!.get(ReleaseHolders);
    holders.add(() => Promise.resolve([oldest.id as string]));
    await site.rules(1, 2);
    await site.age();
    await site.run();
    expect(await site.api.get(`/api/v1/releases/${oldest.id}`)).toMatchObject({ status: 200 });
    holders.add(() => Promise.reject(new Error('a holder that cannot answer')));
    site.clock.advance(1000 * HOUR_MS);
    const before = (await site.api.get('/api/v1/retention')).status;
    expect(before).toBe(500);
  });

  it('collects by itself after a download that published', async () => {
    await site.rules(1, 2);
    const all = await site.publications(4);
    // Each collection ran before the clock moved on: the last one still saw a young snapshot.
    site.upstream.tree.publish(['virus-pattern']);
    const last = await site.api.download();
    await site.settled();
    expect(idsOf((await site.api.get('/api/v1/snapshots')).body.items)).toEqual([all[3], last.snapshotId].sort());
  });
});
