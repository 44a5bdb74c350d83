import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { recordedFiles } from '../src/cli/recorded-files.js';
import { loadConfig } from '../src/config/config.js';
import type { SnapshotIndex } from '../src/mirror/snapshot/held-file.js';
import type { VerifyReport } from '../src/mirror/snapshot/verify.js';
import { createLogger } from '../src/platform/logging/logger.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { startSampleUpstream, type SampleUpstream } from '../src/sample-upstream/sample-server.js';
import { startEmbedded } from '../src/server/embedded.js';
import { runCommandIn, type CommandResult } from './support/command-line.js';
import { startHaishin, type ApiAnswer, type TestHaishin } from './support/haishin.js';
import { checkConsistency, compareManifests, fetchAsProduct } from './support/reference-client.js';

describe('haishin verify', () => {
  let upstream: SampleUpstream;
  let haishin: TestHaishin;

  beforeEach(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url });
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
  });

  afterEach(async () => {
    await haishin.dispose();
    await upstream.close();
  });

  function verify(args: string[] = [], database = haishin.database.url): Promise<CommandResult> {
    return runCommandIn({ HAISHIN_DATA_DIR: haishin.dataDir, DATABASE_URL: database }, 'verify', ...args);
  }

  async function report(...args: string[]): Promise<VerifyReport> {
    const result = await verify(['--json', ...args]);
    expect(result.stderr).toBe('');
    const parsed = JSON.parse(result.stdout) as VerifyReport;
    expect(result.code).toBe(parsed.problems.length > 0 ? 1 : 0);
    return parsed;
  }

  const pathOf = (sha256: string) => join(haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256);

  async function indexOf(channel: string): Promise<SnapshotIndex> {
    const text = await readFile(join(haishin.dataDir, 'published', channel, 'current', 'index.json'), 'utf8');
    return JSON.parse(text) as SnapshotIndex;
  }

  async function shaOf(path: RegExp, channel = 'global'): Promise<string> {
    const found = (await indexOf(channel)).files.find((file) => path.test(file.path));
    return found?.sha256 ?? '';
  }

  /** Changes one byte; the size stays. */
  async function corrupt(sha256: string): Promise<void> {
    const content = await readFile(pathOf(sha256));
    content[0] = content[0]! ^ 0xff;
    await chmod(pathOf(sha256), 0o644);
    await writeFile(pathOf(sha256), content);
  }

  async function blobs(): Promise<string[]> {
    const folders = await readdir(join(haishin.dataDir, 'blobs'));
    return (await Promise.all(folders.map((name) => readdir(join(haishin.dataDir, 'blobs', name))))).flat();
  }

  /** What a product gets equals the upstream, and what any other web server would serve from the trees equals what we serve. */
  async function expectRepaired(): Promise<void> {
    const theirs = await fetchAsProduct(upstream.url);
    for (const channel of ['global', 'japan']) {
      const ours = await fetchAsProduct(`${haishin.http}/activeupdate${channel === 'japan' ? '/japan' : ''}`);
      expect([...ours.problems, ...checkConsistency(ours.manifest, ours.files)]).toEqual([]);
      expect([...ours.files].sort()).toEqual([...theirs.files].sort());
      if (channel === 'global') expect(compareManifests(theirs.manifest, ours.manifest)).toEqual([]);
      for (const file of (await indexOf(channel)).files) {
        const linked = await readFile(join(haishin.dataDir, 'published', channel, 'current', 'tree', file.path));
        expect([file.path, createHash('sha256').update(linked).digest('hex')]).toEqual([file.path, file.sha256]);
      }
    }
    expect((await report()).problems).toEqual([]);
  }

  const outcome = (download: ApiAnswer['body'], id: string) =>
    (download.components as ApiAnswer['body'][]).find((each) => each.id === id);

  it('finds nothing wrong where nothing is', async () => {
    const found = await report();
    expect(found.problems).toEqual([]);
    expect(found.snapshots).toBe(1);
    expect(found.releases).toBeGreaterThanOrEqual(8);
    const all = await blobs();
    const sizes = await Promise.all(all.map(async (sha256) => (await stat(pathOf(sha256))).size));
    expect(found.blobs).toEqual({ count: all.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
    expect((await verify()).stdout).toMatch(/all as it should be\n$/);
  });

  it('tells what is corrupt, missing or of another size, who needs it, and what helps', async () => {
    const [corrupted, lost, resized] = [
      await shaOf(/vsapi\d+\.zip/),
      await shaOf(/ssaptn.*zip/),
      await shaOf(/gpl|tsc\d+\.zip/),
    ];
    await corrupt(corrupted);
    await rm(pathOf(lost));
    const client = new pg.Client({ connectionString: haishin.database.url });
    await client.connect();
    const other = await shaOf(/tmblack.*zip/);
    await client.query(`update release_file set size = size + 1 where sha256 = $1`, [other]);
    await client.end();
    await writeFile(pathOf(resized), (await readFile(pathOf(resized))).subarray(1), { flag: 'r+' });
    const { problems } = await report();
    const of = (sha256: string) => problems.find((problem) => problem.sha256 === sha256);
    expect(of(corrupted)).toMatchObject({ code: 'blob-corrupt', remedy: 'download', quarantined: false });
    expect(of(corrupted)?.usedBy).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^global\/.*\/pattern\/vsapi241\.zip$/),
        expect.stringMatching(/^japan\//),
      ]),
    );
    expect(of(lost)).toMatchObject({ code: 'blob-missing', size: null, remedy: 'download' });
    expect(of(other)).toMatchObject({ code: 'blob-size' });
    expect(of(resized)).toMatchObject({ code: 'blob-corrupt' });
    const text = await verify();
    expect(text).toMatchObject({ code: 1 });
    expect(text.stdout).toContain(`blob-corrupt: ${corrupted}`);
    expect(text.stdout).toContain('haishin verify --quarantine');
    expect(text.stdout).toContain(`blob-missing: ${lost}`);
  });

  it('works without a database, and says so', async () => {
    await corrupt(await shaOf(/vsapi\d+\.zip/));
    const nowhere = 'postgresql://nobody@127.0.0.1:9/none';
    const json = JSON.parse((await verify(['--json'], nowhere)).stdout) as VerifyReport;
    expect(json).toMatchObject({ releases: null, snapshots: 1, problems: [{ code: 'blob-corrupt' }] });
    expect((await verify([], nowhere)).stdout).toContain('releases not checked: the database cannot be reached');
  });

  it('has nothing to do in an empty directory, and leaves it empty', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'haishin-empty-'));
    const { dataDir } = haishin;
    haishin.dataDir = empty;
    try {
      expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringMatching(/^nothing-to-verify: /) });
      expect(await readdir(empty)).toEqual([]);
    } finally {
      haishin.dataDir = dataDir;
      await rm(empty, { recursive: true });
    }
  });

  it('sets aside what is corrupt, and the next download fetches just that again', async () => {
    const corrupted = [await shaOf(/vsapi\d+\.zip/), await shaOf(/v_\d+\.sig/)];
    for (const sha256 of corrupted) await corrupt(sha256);
    const { problems } = await report('--quarantine');
    expect(problems).toHaveLength(2);
    expect(problems.every((problem) => problem.quarantined)).toBe(true);
    expect((await readdir(join(haishin.dataDir, 'quarantine'))).sort()).toEqual([...corrupted].sort());
    expect((await fetch(`${haishin.http}/activeupdate/pattern/vsapi241.zip`)).status).toBe(503);
    upstream.requests.length = 0;
    const download = await haishin.api.download();
    expect(['succeeded', 'unchanged']).toContain(download.state);
    const fetched = upstream.requests.filter(({ status }) => status === 200).map(({ path }) => path);
    expect(fetched.filter((path) => !/\.sig$/.test(path))).toEqual(['/activeupdate/pattern/vsapi241.zip']);
    await expectRepaired();
    upstream.requests.length = 0;
    expect(await haishin.api.download()).toMatchObject({ state: 'unchanged' });
    expect(upstream.requests).toHaveLength(1);
  });

  it('a file cut short is noticed by the next download itself', async () => {
    const sha256 = await shaOf(/vsapi\d+\.zip/);
    const content = await readFile(pathOf(sha256));
    await chmod(pathOf(sha256), 0o644);
    await writeFile(pathOf(sha256), content.subarray(0, 100));
    const download = await haishin.api.download();
    await expectRepaired();
    const outcomes = download.components as { id: string; outcome: string; restored?: boolean }[];
    expect(outcomes.filter(({ restored }) => restored)).toMatchObject([{ id: 'virus-pattern', outcome: 'unchanged' }]);
    const { items } = (await haishin.api.get('/api/v1/events?component=virus-pattern&limit=1')).body;
    expect(items).toMatchObject([
      {
        downloadId: download.id as string,
        text: { en: expect.stringMatching(/lost on the disk was fetched again\.$/) as string },
      },
    ]);
  });

  it('everything lost, manifests included: one download makes all of it anew', async () => {
    for (const sha256 of await blobs()) await corrupt(sha256);
    expect((await report('--quarantine')).problems.every((problem) => problem.quarantined)).toBe(true);
    expect(await blobs()).toEqual([]);
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    await expectRepaired();
  });

  it('nobody decides on a tree whose manifest is lost, until a download has made it anew', async () => {
    await corrupt(await shaOf(/server\.ini/, 'japan'));
    await report('--quarantine');
    const form = new FormData();
    form.append('file', new Blob(['x']), 'x.bin');
    form.append('version', '17.900.00');
    const lost = { status: 507, body: { code: 'manifest-lost' } };
    expect(await haishin.api.call('POST', '/api/v1/components/virus-pattern/releases', form)).toMatchObject(lost);
    expect(await haishin.api.post('/api/v1/components/virus-pattern/rollback')).toMatchObject(lost);
    // Components that this run does not mean to update are needed for the manifest all the same.
    expect(await haishin.api.download(['spyware-pattern'])).toMatchObject({ state: 'succeeded' });
    await expectRepaired();
  });

  it('a lost manifest is not made anew by halves', async () => {
    await corrupt(await shaOf(/server\.ini/));
    await corrupt(await shaOf(/vsapi\d+\.zip/));
    await report('--quarantine');
    const find = upstream.tree.find.bind(upstream.tree);
    upstream.tree.find = (path) => (/vsapi241\.zip$/i.test(path) ? undefined : find(path));
    expect(await haishin.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-not-found' } });
    upstream.tree.find = find;
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    await expectRepaired();
  });

  it('repairs a component that the run was not meant for', async () => {
    await rm(pathOf(await shaOf(/ssaptn.*zip/)));
    await haishin.api.download(['virus-pattern']);
    await expectRepaired();
  });

  it('an upload that is lost holds up nothing else, and comes back when it is uploaded again', async () => {
    const send = async (query = '') => {
      const form = new FormData();
      form.append('file', new Blob(['what no source has']), 'own.bin');
      form.append('version', '17.900.00');
      return haishin.api.call('POST', `/api/v1/components/virus-pattern/releases${query}`, form);
    };
    expect(await send()).toMatchObject({ status: 201 });
    await corrupt(await shaOf(/own\.bin/));
    expect((await report('--quarantine')).problems).toMatchObject([{ code: 'blob-corrupt', remedy: 'upload' }]);
    expect((await report()).problems).toMatchObject([{ code: 'blob-missing', remedy: 'upload' }]);
    upstream.publish(['spyware-pattern']);
    const download = await haishin.api.download();
    expect(outcome(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(await send('?publish=force')).toMatchObject({ status: 201, body: { published: true } });
    const served = await fetch(`${haishin.http}/activeupdate/pattern/own.bin`);
    expect(await served.text()).toBe('what no source has');
    expect((await report()).problems).toEqual([]);
    const linked = join(haishin.dataDir, 'published', 'global', 'current', 'tree', 'pattern', 'own.bin');
    expect(await readFile(linked, 'utf8')).toBe('what no source has');
  });

  it('a small file that is corrupt is never served, verified or not', async () => {
    const { path = '', sha256 = '' } =
      (await indexOf('global')).files.find((file) => /v_\d+\.sig$/.test(file.path)) ?? {};
    const right = await readFile(pathOf(sha256));
    await corrupt(sha256);
    const get = () => fetch(`${haishin.http}/activeupdate/${path}`);
    expect((await get()).status).toBe(503);
    await writeFile(pathOf(sha256), right);
    expect(Buffer.from(await (await get()).arrayBuffer())).toEqual(right);
  });

  it('names an index that cannot be read', async () => {
    const { snapshot } = await indexOf('japan');
    await writeFile(join(haishin.dataDir, 'published', 'japan', snapshot, 'index.json'), '{');
    expect((await report()).problems).toMatchObject([
      { code: 'snapshot-damaged', sha256: null, usedBy: [`japan/${snapshot}/index.json`] },
    ]);
  });
});

describe('haishin verify with the embedded database', () => {
  it('asks it beside the running server, and starts it where none runs', async () => {
    const upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }) });
    const haishin = await startHaishin({ upstreamUrl: upstream.url, config: { databaseUrl: undefined } });
    const report = async () =>
      JSON.parse(
        (await runCommandIn({ HAISHIN_DATA_DIR: haishin.dataDir }, 'verify', '--json')).stdout,
      ) as VerifyReport;
    try {
      await haishin.api.download();
      const beside = await report();
      expect(beside.problems).toEqual([]);
      expect(beside.releases).toBeGreaterThanOrEqual(8);
      await haishin.stop();
      expect(await report()).toEqual(beside);
      // A server may be wanted while the files are read, and is beside it when the database is asked again.
      const config = loadConfig({ dataDir: haishin.dataDir }, {});
      const read = await recordedFiles(config, createLogger('silent'));
      const again = await startEmbedded(config, createLogger('silent'));
      expect(await read?.()).toHaveLength(beside.releases ?? 0);
      expect(await read?.()).toHaveLength(beside.releases ?? 0);
      await again.stop();
    } finally {
      await haishin.dispose();
      await upstream.close();
    }
  });
});
