import { createCipheriv, createHash } from 'node:crypto';
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** How to make the bytes of one synthetic file; the same recipe and seed always give the same bytes. */
export interface ByteRecipe {
  /** Everything the content depends on: variant, path, version. */
  identity: string;
  container: 'zip' | 'raw';
  /** Wanted size in bytes of the finished file. Exact for `raw` and for uncompressed ZIPs above their overhead. */
  bytes: number;
  /** Name of the only member of the ZIP. */
  member?: string;
}

const blockLimit = 0xffff; // a stored deflate block holds at most this many bytes (RFC 1951 §3.2.4)
const blockHeader = 5;
const localHeader = 30;
const directoryHeader = 46;
const directoryEnd = 22;
const methodDeflate = 8;
const dosDate = (44 << 9) | (3 << 5) | 1; // 2024-03-01: fixed, because the bytes must not depend on the clock

/** Incompressible bytes from an AES-CTR keystream: about 1 GB/s, and the same for the same identity. */
export function pseudoRandomBytes(seed: number, identity: string, length: number): Buffer {
  const key = createHash('sha256').update(`${seed}|${identity}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** A number in [0, 1) that depends only on seed and identity. */
export function pseudoRandomFraction(seed: number, identity: string): number {
  return createHash('sha256').update(`${seed}|${identity}`).digest().readUInt32BE(0) / 2 ** 32;
}

/**
 * The size of an uncompressed-mode file without making it: a scale-1 tree describes 150 MB, and most users of the
 * manifest never ask for most of it.
 */
export function plannedSize(recipe: ByteRecipe): number {
  if (recipe.container === 'raw') return recipe.bytes;
  const payload = payloadLength(recipe);
  return zipOverhead(memberName(recipe)) + payload + blockHeader * Math.ceil(payload / blockLimit);
}

/**
 * Makes the file. ZIPs hold one member whose deflate stream is made of stored blocks, so that size and bytes do not
 * depend on the compressor. With `compressed` the member is really Huffman-coded: checking it then costs the reader what
 * a vendor's file costs, and its size is known only once it is made.
 */
export function makeBytes(seed: number, recipe: ByteRecipe, compressed: boolean): Buffer {
  if (recipe.container === 'raw') return pseudoRandomBytes(seed, recipe.identity, recipe.bytes);
  if (!compressed) {
    const payload = pseudoRandomBytes(seed, recipe.identity, payloadLength(recipe));
    return zipOf(memberName(recipe), payload, storedBlocks(payload));
  }
  // Six random bits a byte: literals that Huffman coding packs to three quarters.
  const payload = pseudoRandomBytes(seed, recipe.identity, Math.ceil((payloadLength(recipe) * 4) / 3));
  for (let i = 0; i < payload.length; i++) payload[i] = 0x30 + (payload[i]! & 0x3f);
  return zipOf(memberName(recipe), payload, deflateRawSync(payload, { level: 1, strategy: constants.Z_HUFFMAN_ONLY }));
}

function memberName(recipe: ByteRecipe): Buffer {
  return Buffer.from(recipe.member ?? 'content.bin', 'latin1');
}

function zipOverhead(name: Buffer): number {
  return localHeader + directoryHeader + directoryEnd + 2 * name.length;
}

function payloadLength(recipe: ByteRecipe): number {
  const room = recipe.bytes - zipOverhead(memberName(recipe));
  const blocks = Math.max(1, Math.ceil(room / (blockLimit + blockHeader)));
  return Math.max(1, room - blocks * blockHeader);
}

function storedBlocks(payload: Buffer): Buffer {
  const blocks = Math.ceil(payload.length / blockLimit);
  const out = Buffer.allocUnsafe(payload.length + blocks * blockHeader);
  let at = 0;
  for (let start = 0; start < payload.length; start += blockLimit) {
    const length = Math.min(blockLimit, payload.length - start);
    out[at] = start + length === payload.length ? 1 : 0; // BFINAL, BTYPE 00
    out.writeUInt16LE(length, at + 1);
    out.writeUInt16LE(~length & 0xffff, at + 3);
    payload.copy(out, at + blockHeader, start, start + length);
    at += blockHeader + length;
  }
  return out;
}

function zipOf(name: Buffer, payload: Buffer, deflated: Buffer): Buffer {
  const described = Buffer.alloc(26); // the fields that local header and central directory have in common
  described.writeUInt16LE(20, 0); // version needed
  described.writeUInt16LE(methodDeflate, 4);
  described.writeUInt16LE(dosDate, 8);
  described.writeUInt32LE(crc32(payload), 10);
  described.writeUInt32LE(deflated.length, 14);
  described.writeUInt32LE(payload.length, 18);
  described.writeUInt16LE(name.length, 22);
  const directory = Buffer.alloc(directoryHeader);
  directory.writeUInt32LE(0x02014b50, 0);
  directory.writeUInt16LE(20, 4); // version made by
  described.copy(directory, 6);
  const end = Buffer.alloc(directoryEnd);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directoryHeader + name.length, 12);
  end.writeUInt32LE(localHeader + name.length + deflated.length, 16);
  const localSignature = Buffer.from('PK\x03\x04', 'latin1');
  return Buffer.concat([localSignature, described, name, deflated, directory, name, end]);
}
