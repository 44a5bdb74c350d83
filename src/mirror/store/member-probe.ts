import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { DEFLATE, STORED, type MeasuredMember, type MeasuredMembers } from './zip-member.js';

const LOCAL_HEADER = 0x04034b50;
const HEADER_BYTES = 30;
const ENCRYPTED_OR_SIZES_LATER = 0b1001;
const ZIP64_SIZE = 0xffffffff;
/** Small: each member under way holds up to two, and they count towards the memory of the process. Larger ones are no faster. */
const OUTPUT_BYTES = 256 * 1024;
/** Beyond both the probe stops: the check that follows has the limits, and refuses bombs before it unpacks them. */
const MAX_RATIO = 50;
const RATIO_FROM_BYTES = 64 * 1024 * 1024;

interface OpenMember extends MeasuredMember {
  start: number;
  left: number;
  inflater: InflateRaw | null;
  /** Where the inflater's last output lies. */
  output: ArrayBuffer | null;
  failed: boolean;
}

/**
 * Unpacks the members of a ZIP file while it is being written, in the thread pool, so that the check afterwards need not read it
 * again: for a large pattern that is the longest part of the wait. It trusts local headers only to know where to begin; the check
 * takes a measurement only where the central directory names the same bytes. It never refuses anything: what it cannot follow
 * (anything but a plain ZIP, sizes that come after the data, a member that fails) it leaves to the check.
 */
export class MemberProbe {
  readonly #members = new Map<number, MeasuredMember>();
  #position = 0;
  #unpacked = 0;
  #header: Buffer = Buffer.alloc(0);
  #member: OpenMember | null = null;
  #stopped = false;

  /** Null when nothing was measured. Call after the last `feed`. */
  get members(): MeasuredMembers | null {
    return this.#members.size > 0 ? this.#members : null;
  }

  /** Takes the next bytes of the file; they must stay as they are until the promise resolves. Never rejects. */
  async feed(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0 && !this.#stopped)
      rest = this.#member === null ? await this.#readHeader(rest) : await this.#readMember(this.#member, rest);
  }

  /** Gives back what a member in progress holds. */
  stop(): void {
    this.#stopped = true;
    this.#member?.inflater?.destroy();
    this.#member = null;
  }

  async #readHeader(bytes: Buffer): Promise<Buffer> {
    const carried = this.#header.length;
    const header = carried === 0 ? bytes : Buffer.concat([this.#header, bytes]);
    // Four bytes tell an ordinary file, which is most of what is not a ZIP, from the first look.
    if (header.length >= 4 && header.readUInt32LE(0) !== LOCAL_HEADER) return this.#giveUp();
    const length =
      header.length < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
    if (header.length < length) {
      // Copied: the bytes are the caller's again when this returns.
      this.#header = Buffer.from(header);
      return header.subarray(header.length);
    }
    const method = header.readUInt16LE(8);
    const packedSize = header.readUInt32LE(18);
    const plain =
      (header.readUInt16LE(6) & ENCRYPTED_OR_SIZES_LATER) === 0 && (method === STORED || method === DEFLATE);
    if (!plain || packedSize === ZIP64_SIZE) return this.#giveUp();
    this.#header = Buffer.alloc(0);
    this.#position += length;
    const inflater =
      method === DEFLATE
        ? createInflateRaw({ chunkSize: Math.max(1024, Math.min(OUTPUT_BYTES, header.readUInt32LE(22))) })
        : null;
    const member: OpenMember = {
      start: this.#position,
      method,
      packedSize,
      left: packedSize,
      size: 0,
      crc: 0,
      inflater,
      output: null,
      failed: false,
    };
    inflater
      ?.on('data', (chunk: Buffer<ArrayBuffer>) => {
        this.#measure(member, chunk);
        giveBackOutput(member, chunk.buffer);
      })
      .on('error', () => void (member.failed = true));
    this.#member = member;
    if (packedSize === 0) await this.#endMember(member);
    return header.subarray(length);
  }

  async #readMember(member: OpenMember, bytes: Buffer): Promise<Buffer> {
    const part = bytes.subarray(0, member.left);
    if (member.inflater === null) this.#measure(member, part);
    else if (!member.failed) await settled(member.inflater, (done) => member.inflater?.write(part, done));
    if (this.#stopped) return this.#giveUp();
    member.left -= part.length;
    this.#position += part.length;
    if (member.left === 0) await this.#endMember(member);
    return bytes.subarray(part.length);
  }

  async #endMember(member: OpenMember): Promise<void> {
    const { inflater, start, method, packedSize } = member;
    if (inflater !== null && !member.failed) await settled(inflater, (done) => inflater.once('end', done).end());
    inflater?.destroy();
    if (!member.failed) giveBackOutput(member, null);
    this.#member = null;
    if (!member.failed) this.#members.set(start, { method, packedSize, size: member.size, crc: member.crc });
  }

  #measure(member: OpenMember, chunk: Buffer): void {
    member.crc = crc32(chunk, member.crc);
    member.size += chunk.length;
    this.#unpacked += chunk.length;
    if (this.#unpacked > RATIO_FROM_BYTES && this.#unpacked > MAX_RATIO * this.#position + RATIO_FROM_BYTES)
      this.stop();
  }

  #giveUp(): Buffer {
    this.stop();
    return Buffer.alloc(0);
  }
}

/**
 * Outputs follow each other in one buffer, then comes the next buffer. The one before is given back at once: as garbage it would set
 * off a collection of the whole heap every 20 MB.
 */
function giveBackOutput(member: OpenMember, next: ArrayBuffer | null): void {
  const { output } = member;
  if (output !== null && output !== next && output.byteLength === OUTPUT_BYTES) output.transfer(0);
  member.output = next;
}

/** Resolves when the step is done, or when the stream is over in any way. */
function settled(stream: InflateRaw, step: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.removeListener('close', done).removeListener('error', done);
      resolve();
    };
    stream.once('close', done).once('error', done);
    step(done);
  });
}
