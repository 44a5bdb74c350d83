import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ExportReport } from '../src/mirror/export/tree-export.js';
import type { HeldFile, SnapshotIndex } from '../src/mirror/snapshot/held-file.js';
import { exportTree } from '../src/mirror/export/tree-export.js';
import { BlobStore } from '../src/mirror/store/blob-store.js';
import { runCommandIn, type CommandResult } from './support/command-line.js';
import { startHaishin } from './support/haishin.js';
import { startMirror, type Mirror } from './support/mirror.js';
import { checkConsistency, fetchAsProduct } from './support/reference-client.js';

const SUMS = 'SHA256SUMS';

describe('haishin export', () => {
  let mirror: Mirror;
  let place: string;
  let medium: string;

  beforeEach(async () => {
    mirror = await startMirror();
    expect(await mirror.haishin.api.download()).toMatchObject({ state: 'succeeded' });
    place = await mkdtemp(join(tmpdir(), 'haishin-export-'));
    medium = join(place, 'medium', 'activeupdate');
  });

  afterEach(async () => {
    await mirror.dispose();
    await rm(place, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<CommandResult> =>
    runCommandIn({ HAISHIN_DATA_DIR: mirror.haishin.dataDir }, 'export', ...args);

  async function exported(...args: string[]): Promise<ExportReport> {
    const { code, stdout, stderr } = await run(medium, '--json', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as ExportReport;
  }

  async function indexOf(channel = 'global'): Promise<SnapshotIndex> {
    const file = join(mirror.haishin.dataDir, 'published', channel, 'current', 'index.json');
    return JSON.parse(await readFile(file, 'utf8')) as SnapshotIndex;
  }

  async function publishAnew(...components: string[]): Promise<void> {
    mirror.upstream.publish(components.length > 0 ? components : undefined);
    expect(await mirror.haishin.api.download()).toMatchObject({ state: 'succeeded' });
  }

  /** Paths with SHA-256 of all files, but not the list of checksums. */
  async function contents(): Promise<Map<string, string>> {
    const entries = await readdir(medium, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const hashed = await Promise.all(
      files.map(async (file): Promise<[string, string]> => {
        const sha256 = createHash('sha256').update(await readFile(file));
        return [file.slice(medium.length + 1), sha256.digest('hex')];
      }),
    );
    return new Map(hashed.filter(([path]) => path !== SUMS).sort());
  }

  const published = ({ files }: SnapshotIndex): Map<string, string> =>
    new Map(files.map(({ path, sha256 }): [string, string] => [path, sha256]).sort());

  const sumsHold = (): Promise<unknown> =>
    promisify(execFile)('sha256sum', ['--strict', '--quiet', '-c', SUMS], { cwd: medium });

  it('makes a tree that another Haishin on a closed network takes as its source', async () => {
    const report = await exported();
    const index = await indexOf();
    expect(report).toMatchObject({
      snapshot: index.snapshot,
      channel: 'global',
      files: index.files.length,
      copied: index.files.length,
      removed: 0,
    });
    expect(await contents()).toEqual(published(index));
    await sumsHold();
    const inside = await startHaishin({ upstreamUrl: pathToFileURL(medium).href });
    try {
      expect(await inside.api.download()).toMatchObject({ state: 'succeeded' });
      const theirs = await fetchAsProduct(mirror.upstream.url);
      const ours = await fetchAsProduct(`${inside.http}/activeupdate`);
      expect([...ours.problems, ...checkConsistency(ours.manifest, ours.files)]).toEqual([]);
      expect([...ours.files].sort()).toEqual([...theirs.files].sort());
      await publishAnew('virus-pattern');
      await exported();
      expect(await inside.api.download()).toMatchObject({ state: 'succeeded' });
      expect((await fetchAsProduct(`${inside.http}/activeupdate`)).files).toEqual(
        (await fetchAsProduct(mirror.upstream.url)).files,
      );
    } finally {
      await inside.dispose();
    }
  });

  it('copies what differs, and removes what is not published any more', async () => {
    await exported();
    const before = await contents();
    // Four publications: increments of the first ones are no longer offered.
    for (let count = 0; count < 4; count++) await publishAnew('virus-pattern');
    const { copied, removed } = await exported();
    const index = await indexOf();
    const after = await contents();
    expect(after).toEqual(published(index));
    expect(copied).toBe([...after].filter(([path, sha256]) => before.get(path) !== sha256).length);
    expect(removed).toBe([...before.keys()].filter((path) => !after.has(path)).length);
    expect(removed).toBeGreaterThan(0);
    await sumsHold();
  });

  it('touches nothing when nothing is new, and gives files the times of the source', async () => {
    await exported();
    const { files } = await indexOf();
    const facts = () =>
      Promise.all(
        ['.', SUMS, ...files.map(({ path }) => path)].map(async (path) => {
          const { ino, mtimeMs } = await stat(join(medium, path));
          return [path, ino, mtimeMs];
        }),
      );
    const before = await facts();
    expect(await exported()).toMatchObject({ copied: 0, removed: 0 });
    expect((await facts()).slice(1)).toEqual(before.slice(1));
    for (const { path, mtime } of files)
      expect([path, (await stat(join(medium, path))).mtime.toISOString()]).toEqual([path, mtime]);
  });

  it('exports the japan channel, and an earlier snapshot', async () => {
    const first = (await indexOf('japan')).snapshot;
    await publishAnew('virus-pattern');
    await exported('--channel', 'japan');
    expect(await contents()).toEqual(published(await indexOf('japan')));
    expect(await exported('--channel', 'japan', '--snapshot', first)).toMatchObject({ snapshot: first });
    expect(await contents()).not.toEqual(published(await indexOf('japan')));
    await sumsHold();
  });

  it('copies again what the medium has lost or spoiled', async () => {
    await exported();
    const { files } = await indexOf();
    const [spoiled, lost] = files.filter(({ path, size }) => path !== 'server.ini' && size > 0) as [HeldFile, HeldFile];
    await writeFile(join(medium, spoiled.path), Buffer.alloc(spoiled.size));
    await rm(join(medium, lost.path));
    // Both, and the manifest, which is away meanwhile.
    expect(await exported()).toMatchObject({ copied: 3, removed: 0 });
    await sumsHold();
  });

  it('changes nothing in an earlier export when a stored content is damaged', async () => {
    await exported();
    const before = await contents();
    await publishAnew('virus-pattern');
    const lost = (await indexOf()).files.find(
      ({ path, sha256 }) => before.get(path) !== sha256 && path !== 'server.ini',
    );
    await rm(join(mirror.haishin.dataDir, 'blobs', lost!.sha256.slice(0, 2), lost!.sha256));
    const { code, stderr } = await run(medium);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^export-content-damaged: .*haishin verify/)]);
    expect(await contents()).toEqual(before);
    await sumsHold();
  });

  it('leaves no manifest when it ends in the middle of the changes, and the next one completes it', async () => {
    await exported();
    const { files } = await indexOf();
    await publishAnew('virus-pattern');
    const fresh = (await indexOf()).files.find(({ path }) => !files.some((each) => each.path === path));
    // A folder with something in it stands where a file belongs.
    await mkdir(join(medium, fresh!.path, 'in-the-way'), { recursive: true });
    expect((await run(medium)).code).toBe(1);
    await expect(stat(join(medium, 'server.ini'))).rejects.toThrow('ENOENT');
    await expect(sumsHold()).rejects.toThrow();
    await rm(join(medium, fresh!.path), { recursive: true });
    await exported();
    expect(await contents()).toEqual(published(await indexOf()));
    await sumsHold();
  });

  it('can be cancelled until everything is copied: then all is as before', async () => {
    await exported();
    const before = await contents();
    await publishAnew();
    const stop = new AbortController();
    const cancelled = exportTree({
      index: await indexOf(),
      blobs: new BlobStore(mirror.haishin.dataDir),
      directory: medium,
      signal: stop.signal,
      onProgress: (done, total) => done > total / 2 && stop.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(await contents()).toEqual(before);
    await sumsHold();
  });

  it('takes a first export up again that was interrupted', async () => {
    const stop = new AbortController();
    stop.abort();
    const request = { index: await indexOf(), blobs: new BlobStore(mirror.haishin.dataDir), directory: medium };
    await expect(exportTree({ ...request, signal: stop.signal, onProgress: () => undefined })).rejects.toThrow();
    await mkdir(join(medium, '.haishin-export'));
    await writeFile(join(medium, '.haishin-export', '0'), 'half');
    await exported();
    expect(await contents()).toEqual(published(await indexOf()));
  });

  it.each([
    ['a directory with other files', ['.'], /^export-directory-foreign: .*nothing was written/],
    ['the data directory', ['DATA', 'usb'], /^export-directory-own: /],
    ['a file', ['.', 'holiday.jpg'], /^export-directory-foreign: There is a file where .*holiday\.jpg would be/],
    ['what would lie below a file', ['.', 'holiday.jpg', 'x'], /^export-directory-foreign: There is a file where/],
  ])('refuses %s', async (_what, [base, ...rest], message) => {
    await writeFile(join(place, 'holiday.jpg'), '');
    const { code, stderr } = await run(join(base === 'DATA' ? mirror.haishin.dataDir : place, ...rest));
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(await readdir(place)).toEqual(['holiday.jpg']);
  });

  it('says when there is nothing to export, or no such snapshot', async () => {
    expect((await run(medium, '--snapshot', '20200101T000000000Z-abcdef')).stderr).toMatch(/^snapshot-unknown: /);
    const elsewhere = await runCommandIn({ HAISHIN_DATA_DIR: join(place, 'none') }, 'export', medium);
    expect(elsewhere.stderr).toMatch(/^nothing-published: .*HAISHIN_DATA_DIR/);
    await expect(stat(medium)).rejects.toThrow('ENOENT');
  });

  it('neither removes nor writes what lies outside, whatever the medium says', async () => {
    await exported();
    const victim = join(place, 'victim');
    await mkdir(victim);
    await writeFile(join(victim, 'kept'), 'kept');
    await symlink(victim, join(medium, 'leads-out'));
    const sums = await readFile(join(medium, SUMS), 'utf8');
    const zeros = '0'.repeat(64);
    await writeFile(join(medium, SUMS), `${sums}${zeros}  ../../victim/kept\n${zeros}  leads-out/kept\n`);
    expect((await run(medium)).stderr).toMatch(/^export-directory-linked: /);
    expect(await readFile(join(victim, 'kept'), 'utf8')).toBe('kept');
    // Noticed before the first change: what was exported before is still a source.
    await stat(join(medium, 'server.ini'));
    await rm(join(medium, 'leads-out'));
    await exported();
    const [folder] = [...(await contents()).keys()]
      .filter((path) => path.includes('/'))
      .map((path) => path.split('/')[0]);
    await rm(join(medium, folder!), { recursive: true });
    await symlink(victim, join(medium, folder!));
    expect((await run(medium)).stderr).toMatch(/^export-directory-linked: /);
    expect(await readdir(victim)).toEqual(['kept']);
  });
});
