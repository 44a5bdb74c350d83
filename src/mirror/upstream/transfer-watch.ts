import type { TransferLimits } from './transfer-limits.js';

export type WatchVerdict = 'headers' | 'idle' | 'slow' | 'no-progress';

/** Why the watch ended a transfer; the abort reason of its signal. */
class WatchTimeout extends Error {
  constructor(readonly verdict: WatchVerdict) {
    super(`transfer ended by its watch: ${verdict}`);
  }
}

/** When a file last went at a decent speed, over all its tries. Milliseconds of a monotonic clock. */
export interface Patience {
  healthyAt: number;
}

/** Bytes that all transfers of one source have brought so far. */
export interface SourcePace {
  receivedBytes: number;
}

/**
 * Watches one try of a file and aborts `signal` when the other side is silent or slow. Only time spent waiting for the other side
 * counts: a slow disk of ours, our own bandwidth limit, or a process that had no turn for a while is not the upstream's fault. One timer
 * per try, nothing per chunk.
 */
export class TransferWatch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #intervalMs: number;
  #lastTick: number;
  readonly #detach: () => void;
  #phase: 'head' | 'body' = 'head';
  /** Since when we wait for the other side; null while it waits for us. */
  #waitingSince: number | null;
  /** Waited for the other side in this window, finished waits only. */
  #windowWaitedMs = 0;
  #windowBytes = 0;
  #totalBytes = 0;
  /** The same for the longer window in which the whole source is looked at. */
  #sourceWaitedMs = 0;
  #sourceBytesBefore = 0;

  constructor(
    private readonly limits: TransferLimits,
    private readonly patience: Patience,
    private readonly pace: SourcePace,
    outer: AbortSignal | undefined,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#waitingSince = monotonicMs();
    const cancel = (): void => this.#controller.abort(outer?.reason);
    if (outer?.aborted === true) cancel();
    outer?.addEventListener('abort', cancel, { once: true });
    this.#detach = (): void => outer?.removeEventListener('abort', cancel);
    const { headersMs, connectMs, idleMs, slowWindowMs, noProgressMs } = limits;
    const shortest = Math.min(connectMs + headersMs, idleMs, slowWindowMs, noProgressMs);
    this.#intervalMs = Math.max(5, Math.min(1000, shortest / 5));
    this.#lastTick = this.#waitingSince;
    this.#timer = setInterval(() => this.#tick(), this.#intervalMs);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Bytes of the body that arrived in this try. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** The reason, when the watch itself ended the try. */
  get verdict(): WatchVerdict | null {
    const reason: unknown = this.#controller.signal.reason;
    return reason instanceof WatchTimeout ? reason.verdict : null;
  }

  /** The answer's head is there; from now on the body is waited for. */
  startBody(): void {
    this.#phase = 'body';
    this.#waitingSince = this.monotonicMs();
    this.#windowWaitedMs = 0;
    this.#windowBytes = 0;
    this.#beginSourceWindow();
  }

  /** Bytes have arrived; until `waiting()` the time is ours. */
  received(bytes: number): void {
    const now = this.monotonicMs();
    const waitedMs = this.#waitingSince === null ? 0 : now - this.#waitingSince;
    this.#waitingSince = null;
    this.#windowWaitedMs += waitedMs;
    this.#sourceWaitedMs += waitedMs;
    this.#windowBytes += bytes;
    this.#totalBytes += bytes;
    this.pace.receivedBytes += bytes;
    if (this.#sourceIsFastEnough()) this.#beginSourceWindow();
    const { minBytesPerSecond, slowWindowMs } = this.limits;
    if (this.#windowBytes * 1000 < minBytesPerSecond * slowWindowMs) return;
    // What a whole window has to bring is here already.
    this.patience.healthyAt = now;
    this.#windowWaitedMs = 0;
    this.#windowBytes = 0;
  }

  waiting(): void {
    this.#waitingSince = this.monotonicMs();
  }

  /** What we did not run ourselves, nobody was waited for: data may lie there unread. */
  #tick(): void {
    const now = this.monotonicMs();
    const lostMs = now - this.#lastTick - this.#intervalMs;
    this.#lastTick = now;
    if (lostMs > this.#intervalMs) {
      if (this.#waitingSince !== null) this.#waitingSince = Math.min(now, this.#waitingSince + lostMs);
      this.patience.healthyAt = Math.min(now, this.patience.healthyAt + lostMs);
    }
    this.check();
  }

  /** Looks at the clock; the timer calls it. */
  check(): void {
    const now = this.monotonicMs();
    const { limits, patience } = this;
    if (this.#waitingSince === null) {
      patience.healthyAt = now;
      return;
    }
    const silentMs = now - this.#waitingSince;
    if (this.#phase === 'head') {
      if (silentMs > limits.connectMs + limits.headersMs) return this.#end('headers');
    } else {
      if (silentMs > limits.idleMs) return this.#end('idle');
      if (this.#windowWaitedMs + silentMs > limits.slowWindowMs) return this.#end('slow');
      if (this.#sourceWaitedMs + silentMs > limits.sourceWindowMs) {
        if (!this.#sourceIsFastEnough()) {
          // Another try at once would be no faster; the next run goes on where this one ends.
          patience.healthyAt = Number.NEGATIVE_INFINITY;
          return this.#end('slow');
        }
        this.#beginSourceWindow();
      }
    }
    if (now - patience.healthyAt > limits.noProgressMs) this.#end('no-progress');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#detach();
  }

  /** A file may be slow while others of its source are not: a narrow line is shared by all of them. */
  #sourceIsFastEnough(): boolean {
    const { minSourceBytesPerSecond, sourceWindowMs } = this.limits;
    return (this.pace.receivedBytes - this.#sourceBytesBefore) * 1000 >= minSourceBytesPerSecond * sourceWindowMs;
  }

  #beginSourceWindow(): void {
    this.#sourceWaitedMs = 0;
    this.#sourceBytesBefore = this.pace.receivedBytes;
  }

  #end(verdict: WatchVerdict): void {
    this.#controller.abort(new WatchTimeout(verdict));
  }
}
