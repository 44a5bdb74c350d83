import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobWriter } from '../../src/mirror/store/blob-writer.js';
import { SLAB_BYTES, SlabPool } from '../../src/mirror/store/slab-pool.js';
import { diskDirectory } from '../support/disk.js';

const CONTENT = randomBytes(3 * SLAB_BYTES + 5000);

describe('a file that is being written', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(diskDirectory, 'haishin-writer-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it.each([
    ['past the page cache', CONTENT.length],
    ['through it', undefined],
  ])('%s has every byte in its place when it is left in the middle of a write', async (_, exactBytes) => {
    for (let round = 0; round < 5; round++) {
      const path = join(directory, `${round}`);
      const limits = { maxBytes: CONTENT.length, ...(exactBytes === undefined ? {} : { exactBytes }) };
      const writer = await BlobWriter.create(path, limits, new SlabPool());
      // One slab is on its way to the disk, another is full, and a third has begun.
      await writer.write(CONTENT.subarray(0, SLAB_BYTES));
      const busy = writer.write(CONTENT.subarray(SLAB_BYTES, 2 * SLAB_BYTES + 3000));
      await writer.suspend();
      await busy;
      const written = await readFile(path);
      expect(written.length).toBe(2 * SLAB_BYTES + 3000);
      expect(written.equals(CONTENT.subarray(0, written.length))).toBe(true);
    }
  });
});
