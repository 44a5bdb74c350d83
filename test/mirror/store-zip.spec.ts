import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import type { AppError } from '../../src/platform/errors/app-error.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { checkZip, type ZipLimits } from '../../src/mirror/store/zip-check.js';
import { diskDirectory } from '../support/disk.js';
import { faultOf } from './upstream-server.js';

interface Member {
  name: string;
  bytes: Buffer;
  compress: boolean;
}

const big = randomBytes(900_000);
const members: Member[] = [
  { name: 'big-deflated', bytes: Buffer.concat([big, Buffer.alloc(900_000)]), compress: true },
  { name: 'big-stored', bytes: big, compress: false },
  { name: 'small-deflated', bytes: Buffer.from('text '.repeat(1000)), compress: true },
  { name: 'small-stored', bytes: Buffer.from('text'), compress: false },
  { name: 'empty', bytes: Buffer.alloc(0), compress: false },
];

function zipOf(list: Member[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, bytes, compress } of list) zip.addBuffer(bytes, name, { compress });
  zip.end();
  return buffer(zip.outputStream);
}

/** Offset of a field in the central directory's entry of the member. */
function directoryEntry(zip: Buffer, name: string): number {
  for (let at = zip.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 4, 'latin1'))
    if (zip.toString('latin1', at + 46, at + 46 + zip.readUInt16LE(at + 28)) === name) return at;
  throw new Error(`no member ${name}`);
}

describe('checking a ZIP file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(diskDirectory, 'haishin-zip-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const check = async (bytes: Buffer, limits: Partial<ZipLimits> = {}, signal?: AbortSignal) => {
    const path = join(directory, 'a.zip');
    await writeFile(path, bytes);
    if (Object.keys(limits).length === 0 && signal === undefined) await sameOnTheWayIn(path, bytes);
    await checkZip(path, { limits, ...(signal === undefined ? {} : { signal }) });
  };
  /** The check of a blob that was measured while it was written must come to the same result as the one that reads the file. */
  const sameOnTheWayIn = async (path: string, bytes: Buffer) => {
    const store = new BlobStore(join(directory, 'store'));
    await store.open();
    const outcome = (work: Promise<void>): Promise<unknown[]> =>
      work.then(
        () => ['passed'],
        ({ code, details }: AppError) => [code, details['member']],
      );
    const { sha256 } = await store.write([bytes], { maxBytes: 1e9 });
    expect(await outcome(store.checkZip(sha256))).toEqual(await outcome(checkZip(path)));
  };
  const corrupt = async (bytes: Buffer, limits: Partial<ZipLimits> = {}) => {
    const fault = await faultOf(check(bytes, limits));
    expect(fault).toMatchObject({ kind: 'upstream', code: 'zip-corrupt', details: { reason: expect.any(String) } });
    // One sentence in our own words.
    expect(fault.message).toMatch(/^The ZIP file is damaged: [a-z][^.]*( \(member ".*"\))?\.$/);
    return fault;
  };

  it('passes one with deflated, stored, large, small and empty members', async () => {
    await expect(check(await zipOf(members))).resolves.toBeUndefined();
    await expect(check(await zipOf([]))).resolves.toBeUndefined();
  });

  it.each(members.slice(0, 4).map(({ name }) => name))('finds one flipped bit in %s', async (name) => {
    const zip = await zipOf(members);
    const header = zip.readUInt32LE(directoryEntry(zip, name) + 42);
    const data = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const packed = zip.readUInt32LE(directoryEntry(zip, name) + 20);
    const middle = data + Math.floor(packed / 2);
    zip.writeUInt8(zip.readUInt8(middle) ^ 1, middle);
    expect((await corrupt(zip)).details['member']).toBe(name);
  });

  it.each(members.slice(0, 4).map(({ name }) => name))('finds a wrong checksum of %s', async (name) => {
    const zip = await zipOf(members);
    const at = directoryEntry(zip, name) + 16;
    zip.writeUInt32LE((zip.readUInt32LE(at) ^ 0xffff) >>> 0, at);
    expect(await corrupt(zip)).toMatchObject({ details: { member: name } });
  });

  it.each([
    ['big-deflated', -1],
    ['big-deflated', 1],
    ['small-deflated', -1],
    ['small-deflated', 1],
  ])('finds that %s announces a size that is off by %i', async (name, delta) => {
    const zip = await zipOf(members);
    const at = directoryEntry(zip, name) + 24;
    zip.writeUInt32LE(zip.readUInt32LE(at) + delta, at);
    expect(await corrupt(zip)).toMatchObject({ details: { member: name } });
  });

  it('refuses what is no ZIP file, cut off, or has something behind it', async () => {
    const zip = await zipOf(members);
    await corrupt(Buffer.from('<html>'));
    await corrupt(Buffer.alloc(0));
    await corrupt(Buffer.alloc(100_000));
    await corrupt(zip.subarray(0, zip.length - 1));
    await corrupt(zip.subarray(0, zip.length / 2));
    await corrupt(zip.subarray(1));
    await corrupt(Buffer.concat([zip, Buffer.from('x')]));
  });

  it('finds every cut and every flipped byte of a small file that matters', async () => {
    const zip = await zipOf(members.slice(3, 4));
    for (let length = 0; length < zip.length; length += 1) await corrupt(zip.subarray(0, length));
    const entry = directoryEntry(zip, 'small-stored');
    for (const at of [entry, entry + 16, entry + 20, entry + 24, 0, 30 + 'small-stored'.length]) {
      const damaged = Buffer.from(zip);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
      await corrupt(damaged);
    }
  });

  it('refuses too many members, too much content, and bombs', async () => {
    const zip = await zipOf(members);
    await corrupt(zip, { maxMembers: 4 });
    await corrupt(zip, { maxUnpackedBytes: 2_000_000 });
    const zeros = await zipOf([{ name: 'zeros', bytes: Buffer.alloc(300 * 1024 * 1024), compress: true }]);
    await corrupt(zeros);
  });

  it('refuses members that share their bytes', async () => {
    const zip = await zipOf([
      members[1]!,
      { ...members[1]!, name: 'big-stored2' },
      { ...members[1]!, name: 'big-stored3' },
    ]);
    const first = zip.readUInt32LE(directoryEntry(zip, 'big-stored') + 42);
    // The directory still names three members of 900 kB each, but the file is cut down to one.
    const directory = zip.subarray(zip.indexOf('PK\x01\x02', 0, 'latin1'));
    const body = zip.subarray(0, 30 + 'big-stored'.length + 900_000);
    const bomb = Buffer.concat([body, directory]);
    for (const name of ['big-stored', 'big-stored2', 'big-stored3'])
      bomb.writeUInt32LE(first, directoryEntry(bomb, name) + 42);
    bomb.writeUInt32LE(body.length, bomb.length - 22 + 16);
    expect((await corrupt(bomb)).details['reason']).toContain('overlap');
  });

  it('checks encrypted members and unknown methods for structure only', async () => {
    const zip = await zipOf(members);
    const encrypted = directoryEntry(zip, 'big-deflated');
    zip.writeUInt16LE(zip.readUInt16LE(encrypted + 8) | 1, encrypted + 8);
    const lzma = directoryEntry(zip, 'small-deflated');
    zip.writeUInt16LE(14, lzma + 10);
    zip.writeUInt32LE(0, lzma + 16);
    await expect(check(zip)).resolves.toBeUndefined();
  });

  it('takes no member name for a path', async () => {
    const zip = await zipOf([{ name: 'aa/aa/passwd', bytes: Buffer.from('x'), compress: false }]);
    const hostile = Buffer.from(zip.toString('latin1').replaceAll('aa/aa/passwd', '../../passwd'), 'latin1');
    await expect(check(hostile)).resolves.toBeUndefined();
  });

  it('stops when cancelled, and reports a file that is not there as our fault', async () => {
    const fault = await faultOf(check(await zipOf(members), {}, AbortSignal.abort()));
    expect(fault).toMatchObject({ kind: 'conflict', code: 'cancelled' });
    expect((await faultOf(checkZip(join(directory, 'none')))).kind).toBe('internal');
  });
});
