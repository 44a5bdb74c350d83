import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdtemp, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SequentialFile } from '../../src/mirror/store/sequential-file.js';
import { SLAB_BYTES, SlabPool } from '../../src/mirror/store/slab-pool.js';
import { diskDirectory } from '../support/disk.js';

describe('a file that is written from its beginning to its end', () => {
  let root: string;
  let path: string;
  beforeEach(async () => {
    root = await mkdtemp(join(diskDirectory, 'haishin-sequential-'));
    path = join(root, 'file');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const slabs = new SlabPool();
  const slabOf = (bytes: Buffer): Buffer => {
    const slab = slabs.take();
    bytes.copy(slab);
    return slab;
  };

  async function write(content: Buffer, direct: boolean): Promise<void> {
    const file = await SequentialFile.create(path, { direct });
    for (let at = 0; at < content.length; at += SLAB_BYTES) {
      const piece = content.subarray(at, at + SLAB_BYTES);
      await file.append(slabOf(piece), piece.length);
    }
    await file.seal();
    await file.close();
  }

  /** Whether the open file goes past the page cache, by the kernel's own word. */
  async function isDirect(): Promise<boolean> {
    for (const fd of await readdir('/proc/self/fd')) {
      if ((await readlink(`/proc/self/fd/${fd}`).catch(() => '')) !== path) continue;
      const flags = /^flags:\s*([0-7]+)$/m.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      return (Number.parseInt(flags, 8) & constants.O_DIRECT) !== 0;
    }
    throw new Error('The file is not open.');
  }

  /** Some file systems of memory have no direct writes. */
  async function takesDirectWrites(): Promise<boolean> {
    const probe = join(root, 'probe');
    await writeFile(probe, '');
    const handle = await open(probe, constants.O_WRONLY | constants.O_DIRECT).catch(() => null);
    await handle?.close();
    return handle !== null;
  }

  it('goes past the page cache where that is wished and possible, with the slabs of the pool', async () => {
    const possible = await takesDirectWrites();
    const file = await SequentialFile.create(path, { direct: true });
    await file.append(slabOf(randomBytes(SLAB_BYTES)), SLAB_BYTES);
    expect(await isDirect()).toBe(possible);
    await file.close();
  });

  it.each([
    { direct: true, size: SLAB_BYTES },
    { direct: true, size: 2 * SLAB_BYTES + 1 },
    { direct: true, size: 3 * SLAB_BYTES - 4097 },
    { direct: false, size: 2 * SLAB_BYTES + 1 },
  ])('holds exactly its $size bytes, read-only (past the page cache: $direct)', async ({ direct, size }) => {
    const content = randomBytes(size);
    await write(content, direct);
    expect((await readFile(path)).equals(content)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o444);
  });

  it('begins again at its beginning', async () => {
    const content = randomBytes(SLAB_BYTES + 100);
    const file = await SequentialFile.create(path, { direct: true });
    await file.append(slabOf(randomBytes(SLAB_BYTES)), SLAB_BYTES);
    await file.truncate();
    await file.append(slabOf(content.subarray(0, SLAB_BYTES)), SLAB_BYTES);
    await file.append(slabOf(content.subarray(SLAB_BYTES)), 100);
    await file.close();
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  it('is continued where it ended', async () => {
    await writeFile(path, 'one ');
    const file = await SequentialFile.resume(path, async (handle) => (await handle.readFile()).length);
    await file.append(slabOf(Buffer.from('two')), 3);
    await file.close();
    await expect(readFile(path, 'utf8')).resolves.toBe('one two');
  });

  it('never takes the place of another', async () => {
    await writeFile(path, 'somebody else');
    for (const direct of [true, false])
      await expect(SequentialFile.create(path, { direct })).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(readFile(path, 'utf8')).resolves.toBe('somebody else');
  });

  it('is written through the page cache where the memory does not suit direct writes', async () => {
    const content = randomBytes(SLAB_BYTES + 5000);
    // One byte beyond a page: no disk takes that directly.
    const crooked = (bytes: Buffer): Buffer => {
      const slab = Buffer.from(new ArrayBuffer(2 * SLAB_BYTES, { maxByteLength: 2 * SLAB_BYTES }), 1, SLAB_BYTES);
      bytes.copy(slab);
      return slab;
    };
    const file = await SequentialFile.create(path, { direct: true });
    await file.append(crooked(content.subarray(0, SLAB_BYTES)), SLAB_BYTES);
    expect(await isDirect()).toBe(false);
    await file.append(crooked(content.subarray(SLAB_BYTES)), 5000);
    await file.close();
    expect((await readFile(path)).equals(content)).toBe(true);
  });
});
