import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import { type ByteRecipe, makeBytes, plannedSize, pseudoRandomBytes } from './sample-bytes.js';

/** Reads the only member with a ZIP library that checks the CRC. */
async function memberOf(zip: Buffer): Promise<{ name: string; bytes: Buffer; method: number }> {
  const archive = await fromBufferPromise(zip);
  for await (const entry of archive.eachEntry()) {
    const bytes = await buffer(await archive.openReadStreamPromise(entry));
    return { name: entry.fileName, bytes, method: entry.compressionMethod };
  }
  throw new Error('empty archive');
}

describe('synthetic bytes', () => {
  const recipe = (bytes: number): ByteRecipe => ({
    identity: 'P.4|1724100',
    container: 'zip',
    bytes,
    member: 'lpt$vpn.241',
  });

  it.each([200, 1024, 65_535 + 200, 200_000, 1_000_003])(
    'plans the size of a ZIP of about %i bytes exactly',
    async (bytes) => {
      const zip = makeBytes(7, recipe(bytes), false);
      expect(zip.length).toBe(plannedSize(recipe(bytes)));
      expect(Math.abs(zip.length - bytes)).toBeLessThanOrEqual(5);
      const member = await memberOf(zip);
      expect(member).toMatchObject({ name: 'lpt$vpn.241', method: 8 });
      expect(member.bytes.length).toBeGreaterThan(0);
    },
  );

  it('really compresses when asked to', async () => {
    const zip = makeBytes(7, recipe(400_000), true);
    const member = await memberOf(zip);
    expect(Math.abs(zip.length - 400_000)).toBeLessThan(8_000);
    expect(member.bytes.length / zip.length).toBeGreaterThan(1.25);
  });

  it('depends on seed and identity, and on nothing else', () => {
    expect(makeBytes(7, recipe(5000), false)).toEqual(makeBytes(7, recipe(5000), false));
    expect(pseudoRandomBytes(7, 'a', 64)).not.toEqual(pseudoRandomBytes(8, 'a', 64));
    expect(pseudoRandomBytes(7, 'a', 64)).not.toEqual(pseudoRandomBytes(7, 'b', 64));
  });

  it('makes raw content of exactly the size asked for', () => {
    const raw: ByteRecipe = { identity: 'v_239.241', container: 'raw', bytes: 4321 };
    expect(makeBytes(7, raw, false)).toHaveLength(4321);
    expect(plannedSize(raw)).toBe(4321);
  });
});
