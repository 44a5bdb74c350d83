import type { Readable } from 'node:stream';

/** Received and not yet written; above this the sender is held back. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Takes a body as it arrives, so that what came before a broken connection is not lost with the stream's buffer: the batches
 * end with everything that was received, and only then the fault is thrown.
 */
export class BodyReader {
  readonly #body: Readable;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #fault: Error | null = null;
  #wake: () => void = () => undefined;

  /** To be made in the same turn in which the answer arrived. */
  constructor(body: Readable) {
    this.#body = body;
    body.on('data', (part: Buffer) => {
      this.#waiting.push(part);
      this.#waitingBytes += part.length;
      if (this.#waitingBytes > MAX_WAITING_BYTES) body.pause();
      this.#wake();
    });
    body.on('error', (error) => {
      this.#fault ??= error;
      this.#wake();
    });
    body.on('close', () => {
      if (!this.#ended) this.#fault ??= new Error('the connection was closed');
      this.#wake();
    });
    body.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Everything that arrived since the last batch, in order. */
  async *batches(): AsyncGenerator<Buffer[]> {
    for (;;) {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      if (batch.length > 0) {
        this.#body.resume();
        yield batch;
      } else if (this.#ended) {
        return;
      } else if (this.#fault) {
        throw this.#fault;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  /** Throws the rest away. */
  discard(): void {
    this.#body.destroy();
  }
}
