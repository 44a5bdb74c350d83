import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { RetentionService } from '../src/mirror/snapshot/retention.service.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from './support/faulty-upstream.js';
import { startHaishin, type ApiAnswer } from './support/haishin.js';
import { fetchAsProduct } from './support/reference-client.js';
import { HOUR_MS, idsOf, RetentionSite } from './support/retention-site.js';

describe('retention takes nothing from what goes on', () => {
  let site: RetentionSite;
  beforeEach(async () => {
    site = await RetentionSite.start();
  });
  afterEach(() => site.dispose());

  it('a transfer under way is not disturbed when its snapshot goes', async () => {
    await site.api.post('/api/v1/components', { id: 'big', names: { ja: '大', en: 'Big' }, kind: 'pattern' });
    const content = Buffer.alloc(48 * 1024 * 1024, 'content that is much longer than the buffers of two sockets. ');
    const upload = async (version: string, body: Buffer) => {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(body)]), 'big.dat');
      form.append('version', version);
      expect(await site.api.call('POST', '/api/v1/components/big/releases', form)).toMatchObject({ status: 201 });
      site.clock.advance(3 * HOUR_MS);
    };
    await upload('1', content);
    const request = get(`${site.haishin.http}/activeupdate/custom/big/1/big.dat`);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    for (const version of ['2', '3', '4']) await upload(version, Buffer.from(version));
    await site.rules(1, 2);
    await site.age();
    const report = await site.run();
    expect(report.blobs.bytes).toBeGreaterThanOrEqual(content.length);
    expect((await fetch(`${site.haishin.http}/activeupdate/custom/big/1/big.dat`, { method: 'HEAD' })).status).toBe(
      404,
    );
    const hash = createHash('sha256');
    for await (const chunk of response) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('leaves contents alone while a download runs, and fresh ones always', async () => {
    await site.publications(4);
    await site.rules(1, 2);
    site.upstream.tree.publish(['spyware-pattern']);
    site.upstream.set(/ssaptn.*\.zip$/, { kind: 'hang-before-headers' });
    const { id } = (await site.api.post('/api/v1/downloads')).body;
    await site.upstream.whenRequested(/ssaptn.*\.zip$/);
    await site.age();
    const before = await site.blobs();
    expect(await site.run()).toMatchObject({ blobsSkipped: 'download-running', blobs: { count: 0 } });
    expect(await site.blobs()).toEqual(expect.arrayContaining(before));
    await site.api.post(`/api/v1/downloads/${id}/cancel`);
    await site.api.ended(id as string);
    site.upstream.clear();
    expect((await site.run()).blobs.count).toBeGreaterThan(0);
    const orphan = Buffer.from('nobody refers to this');
    const sha256 = createHash('sha256').update(orphan).digest('hex');
    await writeFile(join(site.haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256), orphan);
    expect((await site.run()).blobs.count).toBe(0);
    expect(await site.blobs()).toContain(sha256);
    await site.age();
    await site.run();
    expect(await site.blobs()).not.toContain(sha256);
  });

  it('content that is gone is fetched again when the source goes back to it', async () => {
    await site.publications(1);
    const first = await fetchAsProduct(`${site.haishin.http}/activeupdate`);
    for (let n = 0; n < 3; n++) {
      site.upstream.tree.publish(['virus-pattern']);
      await site.api.download();
      site.clock.advance(3 * HOUR_MS);
    }
    await site.settled();
    await site.rules(1, 2);
    await site.age();
    expect((await site.run()).blobs.count).toBeGreaterThan(0);
    const port = Number(new URL(site.upstream.url).port);
    await site.upstream.close();
    site.upstream = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }), port });
    expect(await site.api.download()).toMatchObject({ state: 'succeeded' });
    const again = await fetchAsProduct(`${site.haishin.http}/activeupdate`);
    expect(again.problems).toEqual([]);
    expect(again.files).toEqual(first.files);
  });

  it('what its first step has kept its second step leaves alone, whatever was decided in between', async () => {
    const all = await site.publications(4);
    await site.rules(1, 3);
    await site.age();
    const retention = site.haishin.server.application()?.get(RetentionService);
    // As if somebody had published in the meantime: the rules of then would let more go.
    const between = async (): Promise<boolean> => {
      await site.rules(1, 2);
      return false;
    };
    expect((await retention?.run({ blobsInUse: between }))?.snapshots).toMatchObject([{ id: all[0] }]);
    expect(idsOf((await site.api.get('/api/v1/snapshots')).body.items)).toEqual(all.slice(1));
    for (const id of all.slice(1)) await site.expectWhole(`/activeupdate/@${id}`);
  });

  it('parts of files that nobody came back for in a week go', async () => {
    const partial = join(site.haishin.dataDir, 'partial');
    const name = (letter: string): string => letter.repeat(64);
    const longAgo = new Date(Date.now() - 8 * 24 * HOUR_MS);
    for (const letter of ['a', 'b']) {
      await writeFile(join(partial, name(letter)), 'a part');
      await writeFile(join(partial, `${name(letter)}.json`), '{}');
      await utimes(join(partial, `${name(letter)}.json`), longAgo, longAgo);
    }
    // The other one began as long ago, and has grown since.
    await utimes(join(partial, name('a')), longAgo, longAgo);
    expect((await site.api.get('/api/v1/retention')).body).toMatchObject({ partials: { count: 1, bytes: 8 } });
    expect(await readdir(partial)).toHaveLength(4);
    expect(await site.run()).toMatchObject({ partials: { count: 1, bytes: 8 } });
    expect((await readdir(partial)).sort()).toEqual([name('b'), `${name('b')}.json`]);
  });

  it('removes nothing when the disk is not the one that the database speaks of', async () => {
    const all = await site.publications(4);
    await site.rules(1, 2);
    const published = join(site.haishin.dataDir, 'published');
    for (const channel of ['global', 'japan'])
      await rename(join(published, channel, 'current'), join(published, `${channel}-current`));
    expect(await site.api.post('/api/v1/retention/run')).toMatchObject({
      status: 507,
      body: { code: 'retention-unsafe' },
    });
    for (const channel of ['global', 'japan'])
      await rename(join(published, `${channel}-current`), join(published, channel, 'current'));
    // What is in force, gone while the server runs: nobody knows what it had.
    await rename(join(published, 'japan', all[3]!), join(published, 'japan', '.elsewhere'));
    await site.age();
    const before = await site.blobs();
    expect(await site.api.post('/api/v1/retention/run')).toMatchObject({
      status: 507,
      body: { code: 'snapshot-damaged' },
    });
    expect(await site.blobs()).toEqual(before);
    expect(idsOf((await site.api.get('/api/v1/snapshots')).body.items)).toEqual(all);
  });

  it('goes on beside a snapshot whose index and manifest are lost, tells of it, and takes nothing that its tree has', async () => {
    const all = await site.publications(4);
    await site.rules(1, 3);
    const published = join(site.haishin.dataDir, 'published', 'global', all[2]!);
    // One whose tree alone is whole is mended on the way.
    await writeFile(join(site.haishin.dataDir, 'published', 'global', all[1]!, 'index.json'), 'no index');
    await rm(join(published, 'index.json'));
    await rm(join(published, 'tree', 'server.ini'));
    await site.age();
    const contents = async (): Promise<string[]> => {
      const names = await readdir(join(published, 'tree'), { recursive: true, withFileTypes: true });
      return names.filter((name) => name.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    };
    const [kept] = [await contents()];
    const report = await site.run();
    expect(idsOf(report.snapshots)).toEqual(all.slice(0, 1));
    expect(report.damaged).toEqual([{ snapshot: all[2], channel: 'global' }]);
    expect(report.blobs.count).toBeGreaterThan(0);
    for (const file of kept) expect([file, (await stat(file)).nlink > 1]).toEqual([file, true]);
    for (const id of [all[1]!, all[3]!]) await site.expectWhole(`/activeupdate/@${id}`);
    // It goes when it is old enough.
    await site.rules(1, 2);
    site.clock.advance(100 * HOUR_MS);
    site.upstream.tree.publish(['virus-pattern']);
    await site.api.download();
    await site.settled();
    expect(await site.run()).toMatchObject({ damaged: [] });
    await expect(stat(published)).rejects.toThrow('ENOENT');
  });

  it('goes on where a crash stopped an earlier collection', async () => {
    const all = await site.publications(4);
    await site.rules(1, 2);
    const published = join(site.haishin.dataDir, 'published', 'global');
    // One channel's directory was out of sight already, the other's was not, nor were the records.
    await rename(join(published, all[0]!), join(published, `.staging-${all[0]}`));
    expect(idsOf((await site.run()).snapshots)).toEqual(all.slice(0, 2));
    expect(idsOf((await site.api.get('/api/v1/snapshots')).body.items)).toEqual(all.slice(2));
    expect((await readdir(published)).sort()).toEqual([...all.slice(2), 'current']);
  });

  it('two nodes at once remove everything once', async () => {
    await site.publications(4);
    await site.rules(1, 2);
    await site.age();
    const preview = (await site.api.get('/api/v1/retention')).body;
    const { dataDir, database } = site.haishin;
    const second = await startHaishin({ upstreamUrl: site.upstream.url, clock: site.clock, dataDir, database });
    try {
      const reports = await Promise.all([
        site.run(),
        second.api.post('/api/v1/retention/run').then(({ body }) => body),
      ]);
      const sum = (count: (report: ApiAnswer['body']) => number) => reports.reduce((all, each) => all + count(each), 0);
      expect(sum((report) => report.snapshots.length as number)).toBe(preview.snapshots.length);
      expect(sum((report) => report.blobs.count as number)).toBe(preview.blobs.count);
      await site.expectWhole('/activeupdate');
      const served = await fetchAsProduct(`${second.http}/activeupdate/japan`);
      expect(served.problems).toEqual([]);
    } finally {
      await second.stop();
    }
  });
});
