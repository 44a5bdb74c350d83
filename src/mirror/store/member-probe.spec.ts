import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { ZipFile } from 'yazl';
import { MemberProbe } from './member-probe.js';

const contents = new Map([
  ['deflated', Buffer.concat([randomBytes(700_000), Buffer.alloc(700_000)])],
  ['stored', randomBytes(50_000)],
  ['empty', Buffer.alloc(0)],
  ['text', Buffer.from('text '.repeat(1000))],
]);

function zipOf(names: Iterable<string>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const name of names)
    zip.addBuffer(contents.get(name) ?? Buffer.alloc(0), name, { compress: name !== 'stored' && name !== 'empty' });
  zip.end();
  return buffer(zip.outputStream);
}

async function probe(bytes: Buffer, pieces: number[]) {
  const probed = new MemberProbe();
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    // Its own buffer, spoilt afterwards: the probe may not look at it any more.
    const piece = Buffer.from(bytes.subarray(at, at + (pieces[index % pieces.length] ?? 1)));
    await probed.feed(piece);
    at += piece.length;
    piece.fill(0xee);
  }
  probed.stop();
  return [...(probed.members ?? [])];
}

describe('the probe of a ZIP file on its way in', () => {
  let zip: Buffer;
  beforeAll(async () => {
    zip = await zipOf(contents.keys());
  });

  it('measures every member, however the bytes are cut', async () => {
    const expected = [...contents.values()].map((bytes) =>
      expect.objectContaining({ size: bytes.length, crc: crc32(bytes) }),
    );
    const pieces = fc.array(fc.integer({ min: 1000, max: 300_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, async (sizes) => {
        const measured = await probe(zip, sizes);
        expect(measured.map(([, member]) => member)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('finds headers that are cut anywhere', async () => {
    const small = await zipOf(['text', 'stored']);
    for (const size of [1, 2, 3, 29, 31, 4096]) expect(await probe(small, [size])).toHaveLength(2);
  });

  it('tells where the packed data begins', async () => {
    const [[start, member] = [0, undefined]] = await probe(await zipOf(['text']), [1_000_000]);
    expect(start).toBe(30 + 'text'.length);
    expect(member?.packedSize).toBe(deflateRawSync(contents.get('text') ?? Buffer.alloc(0)).length);
  });

  it('measures nothing that it cannot follow, and never fails', async () => {
    expect(await probe(Buffer.alloc(0), [1])).toEqual([]);
    expect(await probe(randomBytes(100_000), [5000])).toEqual([]);
    const sizesLater = Buffer.from(zip);
    sizesLater.writeUInt16LE(sizesLater.readUInt16LE(6) | 8, 6);
    expect(await probe(sizesLater, [5000])).toEqual([]);
    const broken = Buffer.from(zip);
    broken.fill(0xff, 100_000, 101_000);
    const measured = await probe(broken, [65_536]);
    // The damaged member is left to the check, or measured with a checksum that the check refuses.
    for (const [, { crc, size }] of measured.slice(0, 1))
      expect([crc, size]).not.toEqual([crc32(contents.get('deflated')!), 1_400_000]);
  });

  it('stops at a bomb', async () => {
    const packed = deflateRawSync(Buffer.alloc(400 * 1024 * 1024));
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(8, 8);
    header.writeUInt32LE(packed.length, 18);
    header.writeUInt32LE(1000, 22);
    expect(await probe(Buffer.concat([header, packed]), [1_000_000])).toEqual([]);
  });
});
