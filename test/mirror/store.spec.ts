import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { temporaryName } from '../../src/mirror/store/temporary-name.js';
import { diskDirectory } from '../support/disk.js';
import { faultOf } from './upstream-server.js';

const content = randomBytes(3_500_000);
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const sha256 = hash(content);

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('the blob store', () => {
  let root: string;
  let store: BlobStore;
  beforeEach(async () => {
    root = await mkdtemp(join(diskDirectory, 'haishin-store-'));
    store = new BlobStore(root);
    await store.open();
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const incoming = () => readdir(join(root, 'incoming'));
  const all = async () => {
    const found: string[] = [];
    for await (const blob of store.list()) found.push(blob);
    return found;
  };

  it.each([1000, 65_536, 1_048_576, 1_048_577, 3_500_000])(
    'stores a stream in pieces of %i bytes, read-only, under its hash',
    async (size) => {
      const blob = await store.write(pieces(content, size), { maxBytes: content.length, exactBytes: content.length });
      expect(blob).toEqual({ sha256, size: content.length });
      expect(store.pathOf(sha256)).toBe(join(root, 'blobs', sha256.slice(0, 2), sha256));
      expect((await readFile(store.pathOf(sha256))).equals(content)).toBe(true);
      expect((await stat(store.pathOf(sha256))).mode & 0o777).toBe(0o444);
      expect(await store.size(sha256)).toBe(content.length);
      expect(await incoming()).toEqual([]);
    },
  );

  it('copies: the source may reuse its buffer', async () => {
    const buffer = Buffer.alloc(100);
    async function* reusing(): AsyncGenerator<Buffer> {
      for (const value of [1, 2, 3]) {
        await Promise.resolve();
        yield buffer.fill(value);
      }
    }
    const blob = await store.write(reusing(), { maxBytes: 300 });
    expect(blob.sha256).toBe(hash(Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(100, value)))));
    expect(await store.verify(blob.sha256)).toBe('intact');
  });

  it('stores no bytes at all', async () => {
    const blob = await store.write([], { maxBytes: 0, exactBytes: 0 });
    expect(blob).toEqual({ sha256: hash(Buffer.alloc(0)), size: 0 });
    expect(await store.verify(blob.sha256)).toBe('intact');
  });

  it('keeps one copy of one content', async () => {
    await store.write([content], { maxBytes: 1e9 });
    const before = await stat(store.pathOf(sha256));
    await Promise.all([1, 2, 3].map(() => store.write([content], { maxBytes: 1e9 })));
    expect((await stat(store.pathOf(sha256))).ino).toBe(before.ino);
    expect(await all()).toEqual([sha256]);
    expect(await incoming()).toEqual([]);
  });

  it('replaces a copy that lost its end', async () => {
    await store.write([content], { maxBytes: 1e9 });
    await chmod(store.pathOf(sha256), 0o644);
    await truncate(store.pathOf(sha256), 10);
    await store.write([content], { maxBytes: 1e9 });
    expect(await store.verify(sha256)).toBe('intact');
  });

  it.each([
    ['longer than announced', { maxBytes: 1e9, exactBytes: 1_000_000 }, 'size-mismatch'],
    ['shorter than announced', { maxBytes: 1e9, exactBytes: 5_000_000 }, 'size-mismatch'],
    ['longer than allowed', { maxBytes: 3_000_000 }, 'size-exceeded'],
  ])('refuses what is %s, and keeps nothing', async (_, limits, code) => {
    expect(await faultOf(store.write(pieces(content, 65_536), limits))).toMatchObject({ kind: 'upstream', code });
    expect(await all()).toEqual([]);
    expect(await incoming()).toEqual([]);
  });

  it('keeps nothing of a source that fails, or of one that is cancelled', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield content;
      await Promise.resolve();
      throw new Error('the other side went away');
    }
    expect((await faultOf(store.write(failing(), { maxBytes: 1e9 }))).code).toBe('internal');
    const cancel = new AbortController();
    async function* cancelling(): AsyncGenerator<Buffer> {
      yield content;
      await Promise.resolve();
      cancel.abort();
      yield content;
    }
    expect((await faultOf(store.write(cancelling(), { maxBytes: 1e9 }, cancel.signal))).code).toBe('cancelled');
    expect(await all()).toEqual([]);
    expect(await incoming()).toEqual([]);
  });

  it('tells intact, damaged and missing blobs apart', async () => {
    await store.write([content], { maxBytes: 1e9 });
    expect(await store.verify(sha256)).toBe('intact');
    await chmod(store.pathOf(sha256), 0o644);
    await writeFile(store.pathOf(sha256), Buffer.alloc(content.length));
    expect(await store.verify(sha256)).toBe('damaged');
    expect(await store.remove(sha256)).toBe(true);
    expect(await store.remove(sha256)).toBe(false);
    expect(await store.verify(sha256)).toBe('missing');
    expect(await store.size(sha256)).toBeNull();
  });

  it('leaves a blob alone that somebody came to want, and removes it when nobody did', async () => {
    const { sha256: id } = await store.write([content], { maxBytes: content.length });
    const longAgo = new Date(Date.now() - 2 * 3600_000);
    await utimes(store.pathOf(id), longAgo, longAgo);
    await store.write([content], { maxBytes: content.length });
    expect(await store.remove(id, 3600_000)).toBe(false);
    expect(await store.verify(id)).toBe('intact');
    await utimes(store.pathOf(id), longAgo, longAgo);
    expect(await store.remove(id, 3600_000)).toBe(true);
    expect(await store.has(id)).toBe(false);
    expect(await incoming()).toEqual([]);
  });

  it('loses nothing when the same content is stored while it is being removed', async () => {
    const longAgo = new Date(Date.now() - 2 * 3600_000);
    const small = Buffer.from('wanted again');
    for (let round = 0; round < 300; round++) {
      const { sha256: id } = await store.write([small], { maxBytes: 100 });
      await utimes(store.pathOf(id), longAgo, longAgo);
      const stored = store.write([small], { maxBytes: 100 });
      for (let turn = 0; turn < round % 10; turn++) await setImmediate();
      await Promise.all([store.remove(id, 3600_000), stored]);
      expect(await store.verify(id)).toBe('intact');
    }
  });

  it('computes MD5 and SHA-1', async () => {
    const { sha256: id } = await store.write([Buffer.from('abc')], { maxBytes: 3 });
    expect(await store.digests(id)).toEqual({
      md5: '900150983cd24fb0d6963f7d28e17f72',
      sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
    });
    expect((await faultOf(store.digests(sha256))).code).toBe('blob-not-found');
  });

  it.each(['', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63)])('has no path for %j', (id) => {
    expect(() => store.pathOf(id)).toThrow(expect.objectContaining({ kind: 'bad-input', code: 'blob-id-invalid' }));
  });

  it('lists in order, and nothing that is not a blob', async () => {
    const blobs = await Promise.all([1, 2, 3, 4].map((value) => store.write([Buffer.from([value])], { maxBytes: 1 })));
    await writeFile(join(root, 'blobs', blobs[0]?.sha256.slice(0, 2) ?? '', 'note.txt'), 'x');
    expect(await all()).toEqual(blobs.map((blob) => blob.sha256).sort());
  });

  it('at the next start removes what dead processes were writing, and nothing else', async () => {
    const dead = spawn('true');
    await new Promise((resolve) => dead.once('exit', resolve));
    const [host, , , , here] = temporaryName().split('.');
    const elsewhere = '0123456789ab';
    const foreign = {
      // A container with the same host name, whose processes have numbers of their own.
      sameHostOtherPid: `${host}.${dead.pid}.00000000.1.${elsewhere}`,
      sameHostSamePid: `${host}.${process.pid}.00000000.1.${elsewhere}`,
      otherMachine: `elsewhere.1.00000000.1.${elsewhere}`,
      ofEarlierVersion: `${host}.${dead.pid}.00000000.1`,
      ofNobody: 'download.tmp',
    };
    const names = {
      dead: `${host}.${dead.pid}.00000000.2.${here}`,
      earlierSamePid: `${host}.${process.pid}.00000000.2.${here}`,
      living: `${host}.${process.ppid}.00000000.2.${here}`,
      otherMachineLongAgo: `elsewhere.1.00000000.2.${elsewhere}`,
      ofEarlierVersionLongAgo: `${host}.${dead.pid}.00000000.2`,
      ...foreign,
    };
    for (const name of Object.values(names)) await writeFile(join(root, 'incoming', name), 'x');
    const own = store.temporaryPath();
    await writeFile(own, 'x');
    const longAgo = new Date(Date.now() - 25 * 3600_000);
    for (const name of [names.otherMachineLongAgo, names.ofEarlierVersionLongAgo])
      await utimes(join(root, 'incoming', name), longAgo, longAgo);
    await new BlobStore(root).open();
    const left = [names.living, own.split('/').at(-1), ...Object.values(foreign)];
    expect((await incoming()).sort()).toEqual(left.sort());
  });

  describe('on a disk that fails', () => {
    const asRoot = process.getuid?.() === 0;
    const mounts = asRoot && canMount();
    if (!mounts) console.warn('skipped: full and read-only disks need the right to mount a tmpfs');
    const itMounted = mounts ? it : it.skip;
    let disk: string;
    beforeEach(async () => {
      disk = join(root, 'disk');
      await mkdir(disk);
      if (mounts) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
      store = new BlobStore(disk);
      await store.open();
    });
    afterEach(() => {
      if (mounts) execFileSync('umount', [disk]);
    });

    itMounted('says that it is full, keeps nothing, and works again when there is room', async () => {
      const fault = await faultOf(store.write(pieces(content, 65_536), { maxBytes: 1e9 }));
      expect(fault).toMatchObject({ kind: 'storage', code: 'disk-full' });
      expect(await readdir(join(disk, 'incoming'))).toEqual([]);
      const half = content.subarray(0, 1_500_000);
      expect((await store.write([half], { maxBytes: 1e9 })).sha256).toBe(hash(half));
    });

    itMounted('says that it is read-only', async () => {
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const fault = await faultOf(store.write([content], { maxBytes: 1e9 }));
      expect(fault).toMatchObject({ kind: 'storage', code: 'disk-read-only' });
    });
  });
});

function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
