import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeldFile, SnapshotIndex } from '../../src/mirror/snapshot/held-file.js';
import { PublishedDirectory } from '../../src/mirror/snapshot/published-directory.js';
import { CHANNELS, type Channel } from '../../src/mirror/snapshot/channel.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';

const MANY = 300;
const MTIME = '2026-01-01T00:00:00.000Z';

let dataDir: string;
let blobs: BlobStore;
let directory: PublishedDirectory;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'haishin-published-'));
  blobs = new BlobStore(dataDir);
  await blobs.open();
  directory = new PublishedDirectory(dataDir, blobs);
  await directory.open(CHANNELS);
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function fileOf(path: string, text: string): Promise<HeldFile> {
  const { sha256, size } = await blobs.write([Buffer.from(text)], { maxBytes: 1000 });
  return { path, sha256, size, mtime: MTIME, component: null };
}

/** `folder/0.dat` …; the content of each says its name and `edition`. */
function manyFiles(folder: string, edition: (at: number) => string = () => 'first', count = MANY): Promise<HeldFile[]> {
  return Promise.all(
    Array.from({ length: count }, (_, at) => fileOf(`${folder}/${at}.dat`, `${folder}/${at} ${edition(at)}`)),
  );
}

async function stage(channel: Channel, snapshot: string, files: HeldFile[]): Promise<void> {
  const index: SnapshotIndex = { version: 1, snapshot, channel, publishedAt: MTIME, files };
  await directory.stage(channel, index);
}

const treeOf = (channel: Channel, snapshot: string): string => join(dataDir, 'published', channel, snapshot, 'tree');
const sharedFolders = (): Promise<string[]> => readdir(join(dataDir, 'published', '.folders'));

/** What any web server would find below a tree. */
async function contents(channel: Channel, snapshot: string, files: HeldFile[]): Promise<(string | null)[]> {
  return Promise.all(
    files.map((file) => readFile(join(treeOf(channel, snapshot), file.path), 'utf8').catch(() => null)),
  );
}

const wanted = (files: HeldFile[]): Promise<string[]> =>
  Promise.all(files.map((file) => readFile(blobs.pathOf(file.sha256), 'utf8')));

it('two nodes that put the same snapshot into force at the same moment both do it', async () => {
  await stage('global', '1', [await fileOf('server.ini', '1')]);
  const other = new PublishedDirectory(dataDir, blobs);
  for (let round = 0; round < 20; round++)
    await Promise.all([directory.flip('global', '1'), other.flip('global', '1')]);
  expect(await directory.current('global')).toBe('1');
  expect(await readdir(join(dataDir, 'published', 'global'))).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/^\.current/)]),
  );
});

describe('trees', () => {
  it('keep a large folder once for all snapshots and channels that have the same in it', async () => {
    const [tools, pattern] = [await manyFiles('product/tools'), await fileOf('pattern/a.zip', 'a')];
    const first = [await fileOf('server.ini', '1'), pattern, ...tools];
    const second = [await fileOf('server.ini', '2'), await fileOf('pattern/b.zip', 'b'), ...tools.toReversed()];
    await Promise.all(CHANNELS.map((channel) => stage(channel, '1', first)));
    await stage('global', '2', second);

    expect(await contents('global', '1', first)).toEqual(await wanted(first));
    expect(await contents('japan', '1', first)).toEqual(await wanted(first));
    expect(await contents('global', '2', second)).toEqual(await wanted(second));
    const places = await Promise.all(
      [treeOf('global', '1'), treeOf('japan', '1'), treeOf('global', '2')].map((tree) =>
        realpath(join(tree, 'product/tools')),
      ),
    );
    expect(new Set(places).size).toBe(1);
    expect(await sharedFolders()).toHaveLength(1);
    expect((await stat(blobs.pathOf(tools[0]?.sha256 ?? ''))).nlink).toBe(2);
  });

  it('have another folder when one of its files has another content or another name', async () => {
    const before = await manyFiles('product/tools');
    const changed = await manyFiles('product/tools', (at) => (at === 7 ? 'second' : 'first'));
    const renamed = before.map((file, at) => (at === 7 ? { ...file, path: 'product/tools/seven.dat' } : file));
    await stage('global', '1', before);
    await stage('global', '2', changed);
    await stage('global', '3', renamed);

    expect(await contents('global', '1', before)).toEqual(await wanted(before));
    expect(await contents('global', '2', changed)).toEqual(await wanted(changed));
    expect(await contents('global', '3', renamed)).toEqual(await wanted(renamed));
    expect(await sharedFolders()).toHaveLength(3);
  });

  it('keep small folders, the root and folders of folders for themselves', async () => {
    const files = [
      ...(await manyFiles('pattern', undefined, 255)),
      ...(await manyFiles('product')),
      await fileOf('product/tool/x.dat', 'x'),
      ...(await manyFiles('root')).map((file) => ({ ...file, path: file.path.slice('root/'.length) })),
    ];
    await stage('global', '1', files);

    expect(await contents('global', '1', files)).toEqual(await wanted(files));
    await expect(sharedFolders()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lose nothing of the others when one is removed, and a folder goes with the last tree that has it', async () => {
    const [old, kept] = [await manyFiles('product/old'), await manyFiles('product/kept')];
    await stage('global', '1', [...old, ...kept]);
    await stage('global', '2', kept);
    await stage('japan', '2', kept);
    await directory.remove('global', '1');
    await mkdir(join(dataDir, 'published', '.folders', '.staging-abandoned'));
    await directory.removeUnusedFolders();

    expect(await contents('global', '2', kept)).toEqual(await wanted(kept));
    expect(await sharedFolders()).toHaveLength(1);
    await directory.remove('global', '2');
    await directory.removeUnusedFolders();
    expect(await contents('japan', '2', kept)).toEqual(await wanted(kept));
    await directory.remove('japan', '2');
    await directory.removeUnusedFolders();
    expect(await sharedFolders()).toEqual([]);
  });

  it('remove no shared folder while one list of them cannot be read', async () => {
    const files = await manyFiles('product/tools');
    await stage('global', '1', files);
    await stage('global', '2', files);
    await writeFile(join(dataDir, 'published', 'global', '2', 'folders.json'), 'torn');

    await expect(directory.removeUnusedFolders()).rejects.toThrow(SyntaxError);
    expect(await contents('global', '1', files)).toEqual(await wanted(files));
  });

  it('make a folder anew that a crash left half made', async () => {
    const files = await manyFiles('product/tools');
    await stage('global', '1', files);
    const [id = ''] = await sharedFolders();
    await directory.remove('global', '1');
    await directory.removeUnusedFolders();
    const half = join(dataDir, 'published', '.folders', `.staging-${id.slice(0, 12)}-00000000`);
    await mkdir(half);
    await writeFile(join(half, '0.dat'), 'torn');
    await stage('global', '2', files);

    expect(await contents('global', '2', files)).toEqual(await wanted(files));
    await directory.removeUnusedFolders();
    expect(await sharedFolders()).toEqual([id]);
  });

  it('leave out what is lost or wrong, in all of them, and have it again after a relink', async () => {
    const files = await manyFiles('product/tools');
    const lost = files[7] as HeldFile;
    const text = await readFile(blobs.pathOf(lost.sha256));
    await stage('global', '1', files);
    await blobs.remove(lost.sha256);
    await directory.unlink('global', '1', lost);
    await stage('japan', '1', files);
    const without = (await contents('japan', '1', files)).map((each, at) => ({ at, gone: each === null }));
    expect(without.filter(({ gone }) => gone)).toEqual([{ at: 7, gone: true }]);

    await blobs.write([text], { maxBytes: 1000 });
    for (const channel of CHANNELS) expect(await directory.relink(channel, '1')).toBe(true);
    expect(await contents('global', '1', files)).toEqual(await wanted(files));
    expect(await contents('japan', '1', files)).toEqual(await wanted(files));
  });

  it('remember that they lack contents, until they are told that they have them', async () => {
    const files = await manyFiles('product/tools');
    const lost = files[7] as HeldFile;
    await stage('global', '1', files);
    expect(await directory.damageNoted()).toBe(false);
    await directory.unlink('global', '1', lost);
    expect(await directory.damageNoted()).toBe(true);
    await directory.forgetDamage();

    await blobs.remove(lost.sha256);
    expect(await directory.relink('global', '1')).toBe(false);
    await stage('global', '2', [...(await manyFiles('product/others')), lost]);
    expect(await directory.damageNoted()).toBe(true);
    await directory.forgetDamage();
    await directory.remove('global', '1');
    await directory.removeUnusedFolders();
    await stage('global', '3', files);
    expect(await directory.damageNoted()).toBe(true);
  });

  it('have their shared folders again after a copy that passed over them', async () => {
    const files = await manyFiles('product/tools');
    await stage('global', '1', files);
    await rm(join(dataDir, 'published', '.folders'), { recursive: true });
    expect(await contents('global', '1', files)).toEqual(files.map(() => null));
    expect(await directory.relink('global', '1')).toBe(true);
    expect(await contents('global', '1', files)).toEqual(await wanted(files));
  });

  it('stop with the fault when a name cannot be made', async () => {
    const files = await manyFiles('product/tools');
    await writeFile(join(dataDir, 'published', '.folders'), 'a file where the folder should be');

    await expect(stage('global', '1', files)).rejects.toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/) });
    expect(await directory.snapshots('global')).toEqual([]);
  });
});
