import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotIndex } from '../../src/mirror/snapshot/held-file.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { PublishedDirectory } from '../../src/mirror/snapshot/published-directory.js';
import { MirrorBench } from './mirror-bench.js';

const MANIFEST = /server\.ini$/;

describe('contents that were lost and fetched again', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  async function lose(path: RegExp): Promise<{ linked: string; sha256: string; directory: PublishedDirectory }> {
    const { dataDir } = bench.haishin;
    const current = join(dataDir, 'published', 'global', 'current');
    const index = JSON.parse(await readFile(join(current, 'index.json'), 'utf8')) as SnapshotIndex;
    const file = index.files.find((each) => path.test(each.path));
    if (file === undefined) throw new Error(`Nothing is like ${path.source}`);
    const blobs = new BlobStore(dataDir);
    const directory = new PublishedDirectory(dataDir, blobs);
    for (const channel of ['global', 'japan'] as const) await directory.unlink(channel, index.snapshot, file);
    await blobs.remove(file.sha256);
    return { linked: join(current, 'tree', file.path), sha256: file.sha256, directory };
  }

  async function expectMended({ linked, sha256, directory }: Awaited<ReturnType<typeof lose>>): Promise<void> {
    const content = await readFile(linked);
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    expect(await directory.damageNoted()).toBe(false);
  }

  it('are put back into the trees also when the run that fetched them ended before it came to that', async () => {
    const lost = await lose(/vsapi\d+\.zip$/);
    // The file comes, but the source cannot be asked whether its manifest still stands.
    bench.upstream.set(MANIFEST, { kind: 'status', status: 404 }, { from: 2 });
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-not-found' } });
    await expect(readFile(lost.linked)).rejects.toMatchObject({ code: 'ENOENT' });
    bench.upstream.clear();
    await bench.api.download();
    await expectMended(lost);
  });

  it('are put back also by a run that finds nothing new', async () => {
    const lost = await lose(/vsapi\d+\.zip$/);
    bench.upstream.set(MANIFEST, { kind: 'status', status: 404 }, { from: 2 });
    await bench.api.download();
    bench.upstream.clear();
    // Without the note nothing tells that the tree lacks something: all contents are there again.
    const noted = join(bench.haishin.dataDir, 'published', '.damaged');
    await rm(noted);
    await bench.api.download();
    await expect(readFile(lost.linked)).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(noted, '');
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    await expectMended(lost);
  });
});
