import { close, open, read } from 'node:fs';
import type { ServerResponse } from 'node:http';

/** A client that takes nothing for this long is given up. */
const SEND_IDLE_MS = 120_000;

/** Large reads make few system calls: measured as the best size for 65 MB files on HTTP and HTTPS. Bytes. */
const FAST_CHUNK = 512 * 1024;
/** What a slow client holds on to: thousands of them must not hold gigabytes. Bytes. */
const SLOW_CHUNK = 64 * 1024;
/** All large buffers together, in use and spare. Bytes. */
const FAST_BUDGET = 64 * 1024 * 1024;
const MAX_SPARE = 16;
/** A chunk that leaves within this time shows a client that can take larger ones. */
const FAST_WRITE_MS = 20;

export interface Transfer {
  readonly file: string;
  /** First byte to send. */
  readonly offset: number;
  /** Bytes to send; at least 1. */
  readonly length: number;
}

export interface TransferEvents {
  /** The content is at hand: write the head now. Not called when the file cannot be opened or read. */
  begin(): void;
  /** Nothing has been sent yet; answer with an error. */
  unavailable(error: NodeJS.ErrnoException): void;
  /** The content broke off after the first byte; the socket has been destroyed. */
  broken(error: Error): void;
  /** Everything was handed to the operating system. */
  complete(): void;
}

/**
 * Sends parts of files. One buffer per transfer, filled again as soon as the socket has taken it: faster than a read
 * stream, which allocates each chunk anew. A file is closed on every way out, a client that goes away included.
 */
export class FileSender {
  private readonly buffers = new LargeBuffers();

  send(res: ServerResponse, transfer: Transfer, events: TransferEvents): void {
    // Pipelined behind another answer: nothing is opened for it before its turn, or one connection could open thousands of files.
    if (res.socket === null) {
      res.once('socket', () => this.send(res, transfer, events));
      return;
    }
    open(transfer.file, 'r', (error, fd) => {
      if (error) {
        if (!res.destroyed) events.unavailable(error);
        return;
      }
      new FileTransfer(res, fd, transfer, events, this.buffers).run();
    });
  }
}

class FileTransfer {
  private position: number;
  private left: number;
  private started = false;
  private busy = false;
  private closed = false;
  private buffer: Buffer = Buffer.allocUnsafeSlow(0);
  private chunk = SLOW_CHUNK;

  constructor(
    private readonly res: ServerResponse,
    private readonly fd: number,
    transfer: Transfer,
    private readonly events: TransferEvents,
    private readonly buffers: LargeBuffers,
  ) {
    this.position = transfer.offset;
    this.left = transfer.length;
  }

  run(): void {
    if (this.res.destroyed) {
      close(this.fd, ignore);
      return;
    }
    this.buffer = Buffer.allocUnsafeSlow(Math.min(SLOW_CHUNK, this.left));
    this.res.once('close', this.onClose);
    this.res.socket?.setTimeout(SEND_IDLE_MS);
    this.fill();
  }

  private readonly onClose = (): void => {
    this.closed = true;
    // A read in flight still uses the descriptor; it finishes the work when it comes back.
    if (!this.busy) this.release();
  };

  private fill(): void {
    this.busy = true;
    read(this.fd, this.buffer, 0, Math.min(this.buffer.length, this.left), this.position, (error, bytes) => {
      this.busy = false;
      if (this.closed) this.release();
      else if (error) this.fail(error);
      else if (bytes === 0) this.fail(new Error('The file is shorter than its record says.'));
      else this.send(bytes);
    });
  }

  private send(bytes: number): void {
    if (!this.started) {
      this.started = true;
      this.events.begin();
    }
    this.position += bytes;
    this.left -= bytes;
    const part = bytes === this.buffer.length ? this.buffer : this.buffer.subarray(0, bytes);
    if (this.left === 0) {
      this.res.end(part, () => this.events.complete());
      return;
    }
    const sentAt = performance.now();
    this.res.write(part, (error) => {
      if (error || this.closed) return;
      this.adapt(performance.now() - sentAt);
      this.fill();
    });
  }

  /** Gives a fast client a large buffer, and takes it back from one that has become slow. */
  private adapt(writeMs: number): void {
    const fast = writeMs < FAST_WRITE_MS;
    if (fast && this.chunk === SLOW_CHUNK && this.left > FAST_CHUNK) {
      const large = this.buffers.borrow();
      if (!large) return;
      this.buffer = large;
      this.chunk = FAST_CHUNK;
    } else if (this.chunk === FAST_CHUNK && writeMs > FAST_WRITE_MS * 50) {
      this.buffers.giveBack(this.buffer);
      this.buffer = Buffer.allocUnsafeSlow(SLOW_CHUNK);
      this.chunk = SLOW_CHUNK;
    }
  }

  private fail(error: Error): void {
    const { started } = this;
    this.res.off('close', this.onClose);
    this.release();
    if (!started) this.events.unavailable(error);
    else {
      // Never append anything to a file: a cut connection is the only honest sign.
      this.res.destroy();
      this.events.broken(error);
    }
  }

  private release(): void {
    close(this.fd, ignore);
    if (this.chunk === FAST_CHUNK) {
      // When the client went away the kernel may not have let go of the buffer yet: such a one is not used again.
      if (this.res.writableFinished) this.buffers.giveBack(this.buffer);
      else this.buffers.abandon();
    }
  }
}

/** Large buffers: bounded in number, used again. */
class LargeBuffers {
  private readonly spare: Buffer[] = [];
  private lentBytes = 0;

  /** Nothing when the budget is spent: the transfer goes on with its small buffer. */
  borrow(): Buffer | undefined {
    const buffer = this.spare.pop();
    if (buffer) return buffer;
    if (this.lentBytes + FAST_CHUNK > FAST_BUDGET) return undefined;
    this.lentBytes += FAST_CHUNK;
    return Buffer.allocUnsafeSlow(FAST_CHUNK);
  }

  giveBack(buffer: Buffer): void {
    if (this.spare.length < MAX_SPARE) this.spare.push(buffer);
    else this.abandon();
  }

  /** The borrowed buffer is left to the garbage collector. */
  abandon(): void {
    this.lentBytes -= FAST_CHUNK;
  }
}

function ignore(): void {
  // Closing a file that was only read cannot lose anything.
}
