import { readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { SnapshotIndex } from '../../src/mirror/snapshot/held-file.js';
import { until } from '../support/until.js';
import { AddedTree } from '../support/added-tree.js';
import { MirrorBench, type ServedTree } from './mirror-bench.js';

type Served = Record<'global' | 'japan', ServedTree>;

describe('the index of what is in force', () => {
  let bench: MirrorBench;
  let before: Served;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    before = await bench.served();
  });
  afterEach(() => bench.close());

  const snapshotOf = async (channel: string): Promise<string> => {
    const root = join(bench.haishin.dataDir, 'published', channel);
    return join(root, await readlink(join(root, 'current')));
  };
  const indexOf = async (channel: string): Promise<SnapshotIndex> =>
    JSON.parse(await readFile(join(await snapshotOf(channel), 'index.json'), 'utf8')) as SnapshotIndex;
  const ready = async (): Promise<{ ready: boolean; checks: { content: { ok: boolean; detail: string | null } } }> =>
    (await bench.api.get('/readyz')).body as Awaited<ReturnType<typeof ready>>;

  /** What it logs from now on. */
  const restart = async (): Promise<() => string> => {
    const lines: string[] = [];
    await bench.restart({ logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }) });
    return () => lines.join('');
  };

  it('is made anew from its tree when it is damaged or gone: no download, no person is needed', async () => {
    const indexes = { global: await indexOf('global'), japan: await indexOf('japan') };
    await bench.haishin.stop();
    await truncate(join(await snapshotOf('global'), 'index.json'), 1000);
    await rm(join(await snapshotOf('japan'), 'index.json'));
    const log = await restart();
    await until('it is ready', async () => (await ready()).ready);
    expect(await bench.served()).toEqual(before);
    for (const channel of ['global', 'japan'] as const) {
      const { publishedAt, files } = await indexOf(channel);
      const facts = (each: SnapshotIndex['files']): object[] =>
        each.map(({ mtime: _, ...file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1));
      expect(publishedAt).toBe(indexes[channel].publishedAt);
      expect(facts(files)).toEqual(facts(indexes[channel].files));
    }
    expect(log()).toContain('it was made anew from its tree');
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect((await bench.api.post('/api/v1/retention/run')).status).toBe(200);
  });

  it('is written again when it is damaged while the server runs, as it was: by a download, and by a collection', async () => {
    const file = join(await snapshotOf('global'), 'index.json');
    const whole = await readFile(file, 'utf8');
    await truncate(file, 1000);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(whole));
    await rm(file);
    expect(await bench.api.post('/api/v1/retention/run')).toMatchObject({ status: 200, body: { damaged: [] } });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(whole));
    expect(await bench.served()).toEqual(before);
  });

  it('that is made anew tells no file an earlier date than the snapshot before it did', async () => {
    const future = new Date(Date.now() + 365 * 86_400_000);
    const [tree] = [join(await snapshotOf('global'), 'index.json')];
    const index = JSON.parse(await readFile(tree, 'utf8')) as SnapshotIndex;
    const dated = index.files.map((each) => ({ ...each, mtime: future.toISOString() }));
    await bench.haishin.stop();
    // As a source tells it whose clock is ahead.
    await writeFile(tree, JSON.stringify({ ...index, files: dated }));
    await bench.restart();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.haishin.stop();
    await rm(join(await snapshotOf('global'), 'index.json'));
    await restart();
    await until('it is ready', async () => (await ready()).ready);
    const told = new Map((await indexOf('global')).files.map(({ path, mtime }) => [path, Date.parse(mtime)]));
    const second = Math.floor(future.getTime() / 1000) * 1000;
    for (const { path } of index.files.filter((each) => told.has(each.path)))
      expect([path, told.get(path)! >= second]).toEqual([path, true]);
  });

  it('that is lost together with its tree is told, and a download makes both anew', async () => {
    const lost = await snapshotOf('global');
    await bench.haishin.stop();
    await rm(lost, { recursive: true });
    await bench.upstream.refuseConnections();
    const log = await restart();
    await until('it is told', async () => (await ready()).checks.content.detail !== null);
    expect((await ready()).checks.content).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/Nothing of channel global can be served: .* download makes both anew/) as string,
    });
    expect((await bench.api.get('/readyz')).status).toBe(503);
    expect(log()).toContain('nothing of the channel is served');
    expect(log()).not.toContain('the earlier one stays served');
    // The other channel is served meanwhile.
    expect((await fetch(`${bench.haishin.http}/activeupdate/japan/server.ini`)).status).toBe(200);

    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-unreachable' } });
    const rollback = await bench.api.post('/api/v1/components/virus-pattern/rollback');
    expect(rollback).toMatchObject({ status: 507, body: { code: 'manifest-lost' } });

    await bench.upstream.acceptConnections();
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global).toEqual(before.global);
    // Its contents are held: nothing is fetched twice.
    expect(bench.upstream.requested(/\.zip$/)).toEqual([]);
    expect(await ready()).toMatchObject({ ready: true });
  });
});

describe('the index of a tree with large folders', () => {
  it('is made anew from what stands in them', async () => {
    const tree = new AddedTree({ scale: 0.0005 });
    const bench = await MirrorBench.open({ tree });
    try {
      const names = Array.from({ length: 300 }, (_, at) => `extra/tool-${at}.dat`);
      for (const name of names) tree.added.set(name, `content of ${name}`);
      const lines = names.map((name, at) => `File.${at}=${name}, ${`content of ${name}`.length}`);
      const section = ['[Tools]', ...lines, '', '[ENGINE]'].join('\r\n');
      bench.upstream.set(/\/server\.ini$/, {
        kind: 'transform',
        transform: (ini) => Buffer.from(ini.toString('latin1').replace('[ENGINE]', section), 'latin1'),
      });
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      const before = await bench.served();
      const texts = (base: string): Promise<string[]> =>
        Promise.all(names.map(async (name) => (await fetch(`${bench.haishin.http}${base}/${name}`)).text()));
      const published = join(bench.haishin.dataDir, 'published');
      expect(await readdir(join(published, '.folders'))).toHaveLength(1);
      await bench.haishin.stop();
      for (const channel of ['global', 'japan']) await rm(join(published, channel, 'current', 'index.json'));
      await bench.restart();
      await until('it is ready', async () => (await bench.api.get('/readyz')).status === 200);
      expect(await bench.served()).toEqual(before);
      for (const base of ['/activeupdate', '/activeupdate/japan'])
        expect(await texts(base)).toEqual(names.map((name) => `content of ${name}`));
      expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    } finally {
      await bench.close();
    }
  });
});
