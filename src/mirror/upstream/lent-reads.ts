import type { OnReadOpts, Socket } from 'node:net';

/** Larger reads mean fewer trips through the parser; beyond this the buffer would no longer stay in the processor's cache. */
const READ_BYTES = 256 * 1024;

/** A buffer that the sockets of one source share. Each uses it only until it has handed on what it read. */
export function readBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

/**
 * Lets a socket read into a buffer that is there already, where Node makes a new one for every 64 KiB: at the speed of a local network
 * those buffers cost more than everything else, because their garbage sets off a collection of the whole heap every 20 MB.
 * The parser above asks for data by `read()` and puts back by `unshift()` what it does not want yet, as with any socket; a chunk is
 * its only until it asks for the next one, so whoever takes a body must copy it. A connector gives `onread` to the socket and calls
 * `adopt` when it is connected.
 */
export class LentReads {
  readonly onread: OnReadOpts;
  #socket: Socket | null = null;
  /** Read but not taken: lent for the time of one `readable` event, our own copy afterwards. */
  #pending: Buffer | null = null;

  constructor(buffer: Buffer) {
    this.onread = { buffer, callback: (length) => this.#received(buffer.subarray(0, length)) };
  }

  adopt(socket: Socket): void {
    const readOn = socket.read.bind(socket);
    socket.read = (size?: number): Buffer | null => {
      const chunk = size === 0 ? null : this.#pending;
      if (chunk === null) return readOn(0) as null;
      this.#pending = null;
      return chunk;
    };
    socket.unshift = (rest: Buffer): void => {
      this.#pending = rest.length > 0 ? rest : null;
    };
    this.#socket = socket;
  }

  /** False stops the socket until it is asked for more. */
  #received(chunk: Buffer): boolean {
    this.#pending = chunk;
    this.#socket?.emit('readable');
    if (this.#pending === null) return true;
    this.#pending = Buffer.from(this.#pending);
    return false;
  }
}
