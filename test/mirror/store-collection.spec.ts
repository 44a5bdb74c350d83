import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../src/platform/errors/app-error.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { diskDirectory } from '../support/disk.js';

const content = Buffer.from('what somebody brought');
const sha256 = createHash('sha256').update(content).digest('hex');
const HOUR_MS = 3_600_000;

describe('what garbage collection and uploads ask of the blob store', () => {
  let root: string;
  let store: BlobStore;
  beforeEach(async () => {
    root = await mkdtemp(join(diskDirectory, 'haishin-collection-'));
    store = new BlobStore(root);
    await store.open();
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const factsOf = async () => (await store.factsOf([sha256])).get(sha256) ?? null;
  const old = () =>
    utimes(store.pathOf(sha256), new Date(Date.now() - 5 * HOUR_MS), new Date(Date.now() - 5 * HOUR_MS));

  it('a file that its inspection refuses leaves nothing behind', async () => {
    const refuse = () => Promise.reject(new AppError('upstream', 'zip-corrupt'));
    await expect(store.write([content], { maxBytes: 100 }, undefined, refuse)).rejects.toMatchObject({
      code: 'zip-corrupt',
    });
    expect(await store.has(sha256)).toBe(false);
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });

  it('a blob is old since it was last stored, even when it was held already', async () => {
    await store.write([content], { maxBytes: 100 });
    await old();
    expect((await factsOf())?.ageMs).toBeGreaterThan(4 * HOUR_MS);
    await store.write([content], { maxBytes: 100 });
    expect((await factsOf())?.ageMs).toBeLessThan(HOUR_MS);
    expect(await factsOf()).toMatchObject({ size: content.length });
  });

  it('touching tells whether there was anything to touch', async () => {
    expect(await store.touch(sha256)).toBe(false);
    expect(await factsOf()).toBeNull();
    await store.write([content], { maxBytes: 100 });
    await old();
    expect(await store.touch(sha256)).toBe(true);
    expect((await factsOf())?.ageMs).toBeLessThan(HOUR_MS);
  });
});
