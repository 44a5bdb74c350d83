import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHANNELS } from '../../src/mirror/snapshot/channel.js';
import { PublishedDirectory } from '../../src/mirror/snapshot/published-directory.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { diskDirectory } from '../support/disk.js';
import { startHaishin } from '../support/haishin.js';

/** A file system that is not the one of `dataDir`. */
const other = [diskDirectory, '/dev/shm'].find(
  (path) => existsSync(path) && statSync(path).dev !== statSync(tmpdir()).dev,
);
if (other === undefined) process.stderr.write(`skipped: there is no file system beside that of ${tmpdir()}\n`);

let dataDir: string;
let elsewhere: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'haishin-split-'));
  if (other !== undefined) elsewhere = await mkdtemp(join(other, 'haishin-split-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
  if (other !== undefined) await rm(elsewhere, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const blobs = new BlobStore(dataDir);
  await blobs.open();
  await new PublishedDirectory(dataDir, blobs).open(CHANNELS);
}

(other !== undefined ? describe : describe.skip)('a data directory on two file systems', () => {
  it.each(['blobs', 'incoming', 'partial', 'published', 'published/japan'])('%s: is refused', async (name) => {
    await mkdir(join(dataDir, 'published'));
    if (name === 'published') await rm(join(dataDir, 'published'), { recursive: true });
    await symlink(elsewhere, join(dataDir, name));
    await expect(open()).rejects.toMatchObject({ kind: 'storage', code: 'data-directory-split' });
    expect(await readdir(join(dataDir, 'incoming'))).toEqual([]);
  });

  it('does not let the server start', async () => {
    await symlink(elsewhere, join(dataDir, 'blobs'));
    await expect(startHaishin({ dataDir })).rejects.toMatchObject({ code: 'data-directory-split' });
  });
});

it('a data directory on one file system keeps nothing of the trial', async () => {
  await open();
  await open();
  expect(await readdir(join(dataDir, 'incoming'))).toEqual([]);
  expect((await readdir(join(dataDir, 'published'))).sort()).toEqual([...CHANNELS].sort());
  for (const channel of CHANNELS) expect(await readdir(join(dataDir, 'published', channel))).toEqual([]);
  expect((await readdir(join(dataDir, 'blobs'))).every((name) => /^[0-9a-f]{2}$/.test(name))).toBe(true);
});
