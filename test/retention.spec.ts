import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rename, readdir, utimes, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { ReleaseHolders } from '../src/mirror/snapshot/release-holders.js';
import { DownloadService } from '../src/modules/download/download.service.js';
import { RetentionScheduler } from '../src/modules/download/retention.scheduler.js';
import { ManualClock } from '../src/platform/clock/clock.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from './support/faulty-upstream.js';
import { startHaishin, type ApiAnswer, type TestHaishin } from './support/haishin.js';
import { checkConsistency, fetchAsProduct } from './support/reference-client.js';

const HOUR_MS = 3_600_000;

describe('retention', () => {
  let clock: ManualClock;
  let upstream: FaultyUpstream;
  let haishin: TestHaishin;

  beforeEach(async () => {
    clock = new ManualClock(new Date());
    upstream = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url, clock });
  });

  afterEach(async () => {
    await haishin.dispose();
    await upstream.close();
  });

  const api = () => haishin.api;

  /** A collection by itself begins after the end of its download is to be seen. */
  async function settled(): Promise<void> {
    const application = haishin.server.application();
    await application?.get(DownloadService).idle();
    await application?.get(RetentionScheduler).idle();
  }

  async function rules(keepVersions: number, keepSnapshots: number, graceHours = 1): Promise<void> {
    const setting = (await api().get('/api/v1/settings/distribution')).body;
    const retention = { keepVersions, keepSnapshots, graceHours };
    expect(await api().put('/api/v1/settings/distribution', { ...setting, retention })).toMatchObject({ status: 200 });
  }

  /** Some publications, three hours apart; answers the ids of their snapshots, oldest first. */
  async function publications(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      if (n > 0) upstream.tree.publish(['virus-pattern']);
      const download = await api().download();
      expect(download).toMatchObject({ state: 'succeeded' });
      ids.push(download.snapshotId as string);
      clock.advance(3 * HOUR_MS);
    }
    await settled();
    return ids;
  }

  async function blobs(): Promise<string[]> {
    const root = join(haishin.dataDir, 'blobs');
    const folders = await readdir(root);
    return (await Promise.all(folders.map((folder) => readdir(join(root, folder))))).flat();
  }

  /** Contents of this very hour are never touched: makes them older. */
  async function age(): Promise<void> {
    const then = new Date(Date.now() - 2 * HOUR_MS);
    for (const sha256 of await blobs())
      await utimes(join(haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256), then, then);
  }

  async function run(): Promise<ApiAnswer['body']> {
    const answer = await api().post('/api/v1/retention/run');
    expect(answer).toMatchObject({ status: 200 });
    return answer.body;
  }

  async function expectWhole(base: string): Promise<void> {
    const tree = await fetchAsProduct(`${haishin.http}${base}`);
    expect([...tree.problems, ...checkConsistency(tree.manifest, tree.files)]).toEqual([]);
  }

  const ids = (list: { id: string }[]) => list.map(({ id }) => id).sort();
  const versions = async () =>
    ((await api().get('/api/v1/releases?component=virus-pattern')).body.items as ApiAnswer['body'][]).map(
      (release) => release.rawVersion as string,
    );

  it('shows what would go, removes just that, and leaves nothing that nothing needs', async () => {
    const all = await publications(5);
    await age();
    expect((await api().get('/api/v1/retention')).body).toMatchObject({
      snapshots: [],
      releases: [],
      // What the source's manifest was before: only its latest text is needed.
      blobs: { count: 4 },
    });
    await rules(2, 2);
    const before = await blobs();
    const preview = (await api().get('/api/v1/retention')).body;
    expect(ids(preview.snapshots)).toEqual(all.slice(0, 3));
    expect(preview.releases).toHaveLength(6);
    expect(preview.releases[0]).toMatchObject({ component: 'virus-pattern', rawVersion: expect.stringMatching(/^17/) });
    expect(preview.blobs.count).toBeGreaterThan(0);
    expect(await blobs()).toEqual(before);

    const report = await run();
    expect(ids(report.snapshots)).toEqual(ids(preview.snapshots));
    expect(ids(report.releases)).toEqual(ids(preview.releases));
    expect(report.blobs).toEqual(preview.blobs);
    const after = await blobs();
    expect(before.length - after.length).toBe(preview.blobs.count);
    expect(after).toHaveLength(report.kept.blobs.count);

    expect(ids((await api().get('/api/v1/snapshots')).body.items)).toEqual(all.slice(3));
    expect((await versions()).sort()).toEqual(['1724400', '1724480', '1724500', '1724580']);
    for (const channel of ['/activeupdate', '/activeupdate/japan']) {
      await expectWhole(channel);
      for (const id of all.slice(3)) await expectWhole(`${channel}/@${id}`);
      for (const id of all.slice(0, 3))
        expect((await fetch(`${haishin.http}${channel}/@${id}/server.ini`)).status).toBe(404);
    }
    expect((await readdir(join(haishin.dataDir, 'published', 'global'))).sort()).toEqual([...all.slice(3), 'current']);
    expect(await run()).toMatchObject({ snapshots: [], releases: [], blobs: { count: 0 } });
    // The next download builds on what is left.
    upstream.tree.publish();
    expect(await api().download()).toMatchObject({ state: 'succeeded' });
    await expectWhole('/activeupdate');
  });

  it('keeps more versions than snapshots, and one can go back to each of them', async () => {
    await publications(5);
    await rules(4, 2);
    await age();
    await run();
    expect((await api().get('/api/v1/snapshots')).body.items).toHaveLength(2);
    expect(await api().post('/api/v1/components/virus-pattern/rollback', { generations: 3 })).toMatchObject({
      status: 200,
      body: { channels: { global: { rawVersion: '1724200' }, japan: { rawVersion: '1724280' } } },
    });
    await expectWhole('/activeupdate');
    await expectWhole('/activeupdate/japan');
    expect(await api().post('/api/v1/components/virus-pattern/rollback')).toMatchObject({
      status: 409,
      body: { code: 'rollback-impossible' },
    });
    // What was gone back to is in force, and held: no rule lets go of it.
    clock.advance(1000 * HOUR_MS);
    await rules(1, 2);
    await age();
    await run();
    expect(await versions()).toEqual(expect.arrayContaining(['1724200', '1724280']));
    await expectWhole('/activeupdate');
  });

  it('counts what was brought back by when it was in force last: a rollback goes there', async () => {
    const component = '/api/v1/components/virus-pattern';
    await publications(4);
    expect(await api().post(`${component}/rollback`, { generations: 3 })).toMatchObject({ status: 200 });
    clock.advance(3 * HOUR_MS);
    await api().post(`${component}/resume`);
    for (const id of ['virus-pattern', 'spyware-pattern', 'spyware-pattern']) {
      upstream.tree.publish([id]);
      expect(await api().download()).toMatchObject({ state: 'succeeded' });
      clock.advance(3 * HOUR_MS);
    }
    await settled();
    await rules(2, 2);
    await run();
    expect((await versions()).sort()).toEqual(['1724100', '1724180', '1724500', '1724580']);
    expect(await api().post(`${component}/rollback`)).toMatchObject({
      status: 200,
      body: { channels: { global: { version: '17.241.00' } } },
    });
  });

  it('keeps a pinned snapshot complete until it is let go', async () => {
    const [first = ''] = await publications(4);
    const pinned = await api().call('PATCH', `/api/v1/snapshots/${first}`, { pinned: true });
    expect(pinned).toMatchObject({ status: 200, body: { id: first, pinned: true } });
    await rules(1, 2);
    await age();
    expect(ids((await run()).snapshots)).not.toContain(first);
    await expectWhole(`/activeupdate/@${first}`);
    await expectWhole(`/activeupdate/japan/@${first}`);
    await api().call('PATCH', `/api/v1/snapshots/${first}`, { pinned: false });
    expect(ids((await run()).snapshots)).toEqual([first]);
    expect((await fetch(`${haishin.http}/activeupdate/@${first}/server.ini`)).status).toBe(404);
    expect(await api().call('PATCH', `/api/v1/snapshots/${first}`, { pinned: true })).toMatchObject({
      status: 404,
      body: { code: 'snapshot-unknown' },
    });
    expect(await api().call('PATCH', `/api/v1/snapshots/${first}`, { pinned: 'yes' })).toMatchObject({ status: 400 });
  });

  it('keeps releases that somebody holds', async () => {
    await publications(3);
    const oldest = (await api().get('/api/v1/releases?component=virus-pattern')).body.items.at(-1);
    const holders = haishin.server.application()!.get(ReleaseHolders);
    holders.add(() => Promise.resolve([oldest.id as string]));
    await rules(1, 2);
    await age();
    await run();
    expect(await api().get(`/api/v1/releases/${oldest.id}`)).toMatchObject({ status: 200 });
    holders.add(() => Promise.reject(new Error('a holder that cannot answer')));
    clock.advance(1000 * HOUR_MS);
    const before = (await api().get('/api/v1/retention')).status;
    expect(before).toBe(500);
  });

  it('a transfer under way is not disturbed when its snapshot goes', async () => {
    await api().post('/api/v1/components', { id: 'big', names: { ja: '大', en: 'Big' }, kind: 'pattern' });
    const content = Buffer.alloc(48 * 1024 * 1024, 'content that is much longer than the buffers of two sockets. ');
    const upload = async (version: string, body: Buffer) => {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(body)]), 'big.dat');
      form.append('version', version);
      expect(await api().call('POST', '/api/v1/components/big/releases', form)).toMatchObject({ status: 201 });
      clock.advance(3 * HOUR_MS);
    };
    await upload('1', content);
    const request = get(`${haishin.http}/activeupdate/custom/big/1/big.dat`);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    for (const version of ['2', '3', '4']) await upload(version, Buffer.from(version));
    await rules(1, 2);
    await age();
    const report = await run();
    expect(report.blobs.bytes).toBeGreaterThanOrEqual(content.length);
    expect((await fetch(`${haishin.http}/activeupdate/custom/big/1/big.dat`, { method: 'HEAD' })).status).toBe(404);
    const hash = createHash('sha256');
    for await (const chunk of response) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('leaves contents alone while a download runs, and fresh ones always', async () => {
    await publications(4);
    await rules(1, 2);
    upstream.tree.publish(['spyware-pattern']);
    upstream.set(/ssaptn.*\.zip$/, { kind: 'hang-before-headers' });
    const { id } = (await api().post('/api/v1/downloads')).body;
    await upstream.whenRequested(/ssaptn.*\.zip$/);
    await age();
    const before = await blobs();
    expect(await run()).toMatchObject({ blobsSkipped: 'download-running', blobs: { count: 0 } });
    expect(await blobs()).toEqual(expect.arrayContaining(before));
    await api().post(`/api/v1/downloads/${id}/cancel`);
    await api().ended(id as string);
    upstream.clear();
    expect((await run()).blobs.count).toBeGreaterThan(0);
    const orphan = Buffer.from('nobody refers to this');
    const sha256 = createHash('sha256').update(orphan).digest('hex');
    await writeFile(join(haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256), orphan);
    expect((await run()).blobs.count).toBe(0);
    expect(await blobs()).toContain(sha256);
    await age();
    await run();
    expect(await blobs()).not.toContain(sha256);
  });

  it('content that is gone is fetched again when the source goes back to it', async () => {
    await publications(1);
    const first = await fetchAsProduct(`${haishin.http}/activeupdate`);
    for (let n = 0; n < 3; n++) {
      upstream.tree.publish(['virus-pattern']);
      await api().download();
      clock.advance(3 * HOUR_MS);
    }
    await settled();
    await rules(1, 2);
    await age();
    expect((await run()).blobs.count).toBeGreaterThan(0);
    const port = Number(new URL(upstream.url).port);
    await upstream.close();
    upstream = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }), port });
    expect(await api().download()).toMatchObject({ state: 'succeeded' });
    const again = await fetchAsProduct(`${haishin.http}/activeupdate`);
    expect(again.problems).toEqual([]);
    expect(again.files).toEqual(first.files);
  });

  it('collects by itself after a download that published', async () => {
    await rules(1, 2);
    const all = await publications(4);
    // Each collection ran before the clock moved on: the last one still saw a young snapshot.
    upstream.tree.publish(['virus-pattern']);
    const last = await api().download();
    await settled();
    expect(ids((await api().get('/api/v1/snapshots')).body.items)).toEqual([all[3], last.snapshotId].sort());
  });

  it('removes nothing when the disk is not the one that the database speaks of', async () => {
    const all = await publications(4);
    await rules(1, 2);
    const published = join(haishin.dataDir, 'published');
    for (const channel of ['global', 'japan'])
      await rename(join(published, channel, 'current'), join(published, `${channel}-current`));
    expect(await api().post('/api/v1/retention/run')).toMatchObject({
      status: 507,
      body: { code: 'retention-unsafe' },
    });
    for (const channel of ['global', 'japan'])
      await rename(join(published, `${channel}-current`), join(published, channel, 'current'));
    await writeFile(join(published, 'japan', all[3]!, 'index.json'), '{"version":1,');
    await age();
    const before = await blobs();
    expect(await api().post('/api/v1/retention/run')).toMatchObject({
      status: 507,
      body: { code: 'snapshot-damaged' },
    });
    expect(await blobs()).toEqual(before);
    expect(ids((await api().get('/api/v1/snapshots')).body.items)).toEqual(all);
  });

  it('goes on where a crash stopped an earlier collection', async () => {
    const all = await publications(4);
    await rules(1, 2);
    const published = join(haishin.dataDir, 'published', 'global');
    // One channel's directory was out of sight already, the other's was not, nor were the records.
    await rename(join(published, all[0]!), join(published, `.staging-${all[0]}`));
    expect(ids((await run()).snapshots)).toEqual(all.slice(0, 2));
    expect(ids((await api().get('/api/v1/snapshots')).body.items)).toEqual(all.slice(2));
    expect((await readdir(published)).sort()).toEqual([...all.slice(2), 'current']);
  });

  it('two nodes at once remove everything once', async () => {
    await publications(4);
    await rules(1, 2);
    await age();
    const preview = (await api().get('/api/v1/retention')).body;
    const { dataDir, database } = haishin;
    const second = await startHaishin({ upstreamUrl: upstream.url, clock, dataDir, database });
    try {
      const reports = await Promise.all([run(), second.api.post('/api/v1/retention/run').then(({ body }) => body)]);
      const sum = (count: (report: ApiAnswer['body']) => number) => reports.reduce((all, each) => all + count(each), 0);
      expect(sum((report) => report.snapshots.length as number)).toBe(preview.snapshots.length);
      expect(sum((report) => report.blobs.count as number)).toBe(preview.blobs.count);
      await expectWhole('/activeupdate');
      const served = await fetchAsProduct(`${second.http}/activeupdate/japan`);
      expect(served.problems).toEqual([]);
    } finally {
      await second.stop();
    }
  });
});
