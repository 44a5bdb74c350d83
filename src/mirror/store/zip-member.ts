import type { FileHandle } from 'node:fs/promises';
import { Readable, pipeline } from 'node:stream';
import { createInflateRaw, crc32, inflateRawSync } from 'node:zlib';
import type { Entry } from 'yauzl';
import { type KeyUnder, reason, type Sentence } from '../../platform/texts/texts.js';

/** The ZIP file is not what it says; `why` completes "The ZIP file is damaged: …". */
export class ZipFault extends Error {
  constructor(
    readonly why: Sentence,
    readonly member?: string,
    cause?: unknown,
  ) {
    super(why.en, { cause });
  }
}

/** Words for `why`. */
export function broken(what: KeyUnder<'reason.zip.'>, values: Record<string, unknown> = {}): Sentence {
  return reason(`zip.${what}`, values);
}

/** A member as it unpacked while the file arrived (see member-probe.ts). */
export interface MeasuredMember {
  method: number;
  packedSize: number;
  size: number;
  crc: number;
}

/** By offset of the packed data in the file. */
export type MeasuredMembers = ReadonlyMap<number, MeasuredMember>;

export interface MemberPlace {
  entry: Entry;
  /** For messages only. */
  name: string;
  /** Offset of the packed data in the file. */
  start: number;
  fileSize: number;
  measured?: MeasuredMember | undefined;
}

export const STORED = 0;
export const DEFLATE = 8;
const CHUNK_BYTES = 512 * 1024;
/** Up to here unpacking at once takes less time (well below a millisecond) than a trip through the thread pool. */
const AT_ONCE_BYTES = 128 * 1024;

/** Unpacks one member without keeping it and compares size and CRC-32 with what the directory announces. */
export async function checkMember(handle: FileHandle, place: MemberPlace, signal?: AbortSignal): Promise<void> {
  const { entry, name, start, fileSize } = place;
  if (start + entry.compressedSize > fileSize) throw new ZipFault(broken('beyond-end'), name);
  const method = entry.compressionMethod;
  if (entry.isEncrypted() || (method !== STORED && method !== DEFLATE)) return;
  if (method === STORED && entry.compressedSize !== entry.uncompressedSize)
    throw new ZipFault(broken('two-sizes'), name);
  const { measured } = place;
  if (measured?.method === method && measured.packedSize === entry.compressedSize)
    return compare(measured.size, measured.crc, place);
  if (entry.uncompressedSize <= AT_ONCE_BYTES && entry.compressedSize <= AT_ONCE_BYTES)
    return checkAtOnce(handle, place);
  const packed = readRange(handle, start, entry.compressedSize, signal);
  const { size, crc } = await measure(method === STORED ? packed : inflate(packed, entry), entry, name);
  compare(size, crc, place);
}

function compare(size: number, crc: number, { entry, name }: MemberPlace): void {
  if (size !== entry.uncompressedSize)
    throw new ZipFault(broken('other-size', { size, announced: entry.uncompressedSize }), name);
  if (crc !== entry.crc32) throw new ZipFault(broken('checksum'), name);
}

async function checkAtOnce(handle: FileHandle, place: MemberPlace): Promise<void> {
  const { entry, name, start } = place;
  const packed = Buffer.allocUnsafe(entry.compressedSize);
  const { bytesRead } = await handle.read(packed, 0, packed.length, start);
  if (bytesRead < packed.length) throw new ZipFault(broken('ends'), name);
  const unpacked = entry.compressionMethod === STORED ? packed : inflateAtOnce(packed, entry, name);
  compare(unpacked.length, crc32(unpacked), place);
}

function inflateAtOnce(packed: Buffer, entry: Entry, name: string): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new ZipFault(broken('more'), name);
    throw new ZipFault(broken('not-unpacked'), name);
  }
}

async function measure(
  unpacked: AsyncIterable<Buffer>,
  entry: Entry,
  name: string,
): Promise<{ size: number; crc: number }> {
  let size = 0;
  let crc = 0;
  try {
    for await (const chunk of unpacked) {
      size += chunk.length;
      if (size > entry.uncompressedSize) throw new ZipFault(broken('more'), name);
      crc = crc32(chunk, crc);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') === true)
      throw new ZipFault(broken('not-unpacked'), name);
    throw error;
  }
  return { size, crc };
}

function inflate(packed: AsyncIterable<Buffer>, entry: Entry): AsyncIterable<Buffer> {
  // Sized to the member: zlib allocates the whole chunk even for a few bytes.
  const chunkSize = Math.max(1024, Math.min(CHUNK_BYTES, entry.uncompressedSize));
  const inflater = createInflateRaw({ chunkSize });
  // The fault reaches the reader through the stream; the callback is only there to take it.
  return pipeline(Readable.from(packed, { objectMode: false, highWaterMark: 1 }), inflater, () => undefined);
}

async function* readRange(
  handle: FileHandle,
  start: number,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let position = start;
  const end = start + length;
  while (position < end) {
    signal?.throwIfAborted();
    // A new buffer each time: the inflater may still hold the one before.
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new ZipFault(broken('ends'));
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
