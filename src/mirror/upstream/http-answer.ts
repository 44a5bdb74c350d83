import type { Dispatcher } from 'undici';
import type { TransferWatch } from './transfer-watch.js';

export type Headers = Record<string, string | string[] | undefined>;

/** Takes one chunk, which is lent: it must be copied or used up at once. A promise means: nothing more until it resolves. */
export type TakeChunk = (chunk: Buffer) => Promise<unknown> | undefined;

export interface AnswerHead {
  status: number;
  headers: Headers;
}

interface Reader {
  take: TakeChunk;
  watch: Pick<TransferWatch, 'received' | 'waiting'> | null;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** So much may arrive before somebody reads: short answers are complete then, and their connection is free for the next request. */
const QUEUE_BYTES = 64 * 1024;
const DRAIN_BYTES = 16 * 1024;
const DRAIN_MS = 1000;

/**
 * One answer, taken from undici chunk by chunk. Not as a stream: with thousands of chunks a stream costs more than what is done with
 * them, and it would keep chunks that are only lent (see lent-reads.ts).
 */
export class HttpAnswer implements Dispatcher.DispatchHandler {
  readonly head: Promise<AnswerHead>;
  #resolveHead!: (head: AnswerHead) => void;
  #rejectHead!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #reader: Reader | null = null;
  /** What the last chunk still has to do; nothing is reported before it is over, or two would write to one file. */
  #busy = false;
  #ended = false;
  #failure: Error | null = null;
  readonly #onAbort: () => void;

  /** @param signal ends the exchange in any phase, also while undici still waits for a connection and knows of no signal */
  constructor(private readonly signal: AbortSignal) {
    this.head = new Promise((resolve, reject) => {
      this.#resolveHead = resolve;
      this.#rejectHead = reject;
    });
    this.#onAbort = () => this.#fail(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Reads the body to its end. Rejects with what `take` threw, with the reason of the signal, and with what undici reports, also
   * for a body that broke off before anybody looked.
   */
  read(watch: Reader['watch'], take: TakeChunk): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reader = { take, watch, resolve, reject };
      this.#advance();
    });
  }

  /** Ends a body that nobody wants to read; its connection is closed with it. */
  drop(): void {
    this.#fail(new Error('not wanted'));
  }

  /** Reads the rest of a short answer so that its connection can be used again; gives up soon. Never rejects. */
  async drain(): Promise<void> {
    const timer = setTimeout(() => this.drop(), DRAIN_MS);
    let left = DRAIN_BYTES;
    await this.read(null, (chunk) => {
      left -= chunk.length;
      if (left < 0) throw new Error('too long to be read for nothing');
      return undefined;
    }).catch(() => undefined);
    clearTimeout(timer);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== null) controller.abort(this.#failure);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status >= 200) this.#resolveHead({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure !== null) return;
    if (this.#reader !== null && !this.#busy && this.#queue.length === 0) {
      this.#give(this.#reader, chunk);
      if (this.#busy) controller.pause();
      return;
    }
    // Also when the connection has ended under a pause: then undici delivers what it still has.
    this.#queue.push(Buffer.from(chunk));
    this.#queuedBytes += chunk.length;
    if (this.#busy || this.#queuedBytes > QUEUE_BYTES) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.signal.removeEventListener('abort', this.#onAbort);
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  #give(reader: Reader, chunk: Buffer): void {
    reader.watch?.received(chunk.length);
    let busy: Promise<unknown> | undefined;
    try {
      busy = reader.take(chunk);
    } catch (error) {
      this.#fail(asError(error));
      return;
    }
    if (busy === undefined) {
      reader.watch?.waiting();
      return;
    }
    this.#busy = true;
    busy.then(
      () => {
        this.#busy = false;
        reader.watch?.waiting();
        this.#advance();
      },
      (error: unknown) => {
        this.#busy = false;
        this.#fail(asError(error));
        this.#settle();
      },
    );
  }

  /** Hands over what waits, then lets more come. */
  #advance(): void {
    while (this.#reader !== null && !this.#busy && this.#failure === null) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#queuedBytes -= chunk.length;
      this.#give(this.#reader, chunk);
    }
    this.#settle();
    if (!this.#busy && !this.#ended && this.#failure === null) this.#controller?.resume();
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#queue = [];
    this.signal.removeEventListener('abort', this.#onAbort);
    this.#rejectHead(error);
    this.#controller?.abort(error);
    this.#settle();
  }

  #settle(): void {
    const reader = this.#reader;
    if (reader === null || this.#busy) return;
    if (this.#failure === null && !(this.#ended && this.#queue.length === 0)) return;
    this.#reader = null;
    if (this.#failure === null) reader.resolve();
    else reader.reject(this.#failure);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
