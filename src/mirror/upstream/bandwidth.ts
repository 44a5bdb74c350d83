import { setTimeout as delay } from 'node:timers/promises';

/** Credit that may pile up while nobody transfers: a quarter of a second's worth. */
const BURST_SECONDS = 0.25;

/** A limit in bytes per second that all transfers share (token bucket). Without a limit it costs one comparison and no timer. */
export class Bandwidth {
  #bytesPerSecond = 0;
  /** Bytes that may pass now; below zero is debt that has to be waited for. */
  #credit = 0;
  #filledAt = 0;
  /** Ends the waits that were reckoned with the limit before. */
  #changed = new AbortController();

  /** @param bytesPerSecond 0 means no limit */
  constructor(
    bytesPerSecond = 0,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.setLimit(bytesPerSecond);
  }

  /** Takes effect at once, for running transfers too. */
  setLimit(bytesPerSecond: number): void {
    const limit = Math.max(0, bytesPerSecond);
    if (limit === this.#bytesPerSecond) return;
    this.#bytesPerSecond = limit;
    this.#credit = 0;
    this.#filledAt = this.monotonicMs();
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /**
   * Accounts for bytes that have arrived. Undefined when they were within the limit; otherwise a promise that the caller awaits before
   * it reads on. Debts add up, so that many transfers together keep to the limit.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#bytesPerSecond === 0) return undefined;
    const waitMs = this.spend(bytes);
    return waitMs > 0 ? this.wait(waitMs, signal) : undefined;
  }

  private async wait(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const changed = this.#changed.signal;
    const ended = signal === undefined ? changed : AbortSignal.any([signal, changed]);
    await delay(waitMs, undefined, { signal: ended }).catch((fault: unknown) => {
      if (signal?.aborted || !changed.aborted) throw fault;
    });
  }

  /** As `take`, but only tells the milliseconds to wait. */
  spend(bytes: number): number {
    if (this.#bytesPerSecond === 0) return 0;
    const now = this.monotonicMs();
    const earned = ((now - this.#filledAt) / 1000) * this.#bytesPerSecond;
    this.#credit = Math.min(this.#credit + earned, this.#bytesPerSecond * BURST_SECONDS) - bytes;
    this.#filledAt = now;
    return this.#credit < 0 ? Math.ceil((-this.#credit / this.#bytesPerSecond) * 1000) : 0;
  }
}
