import pLimit, { type LimitFunction } from 'p-limit';

/** Runs a transfer as soon as there is room for it. */
export type Slots = <T>(transfer: () => Promise<T>) => Promise<T>;

/**
 * Parallel transfers, divided evenly among the components that are under way: one that hangs keeps its own share, and the rest goes to
 * the others. All shares together are no more than there are slots, so that each component's is free when it needs it; those of more
 * components than there are slots take turns, file by file. Whoever is left alone has all of them.
 */
export class FairSlots {
  readonly #slots: LimitFunction;
  readonly #shares = new Set<LimitFunction>();

  constructor(private readonly parallel: number) {
    this.#slots = pLimit(parallel);
  }

  /** A share for as long as `work` goes on; what begins in the same turn shares from the start. */
  async lend<T>(work: (slots: Slots) => Promise<T>): Promise<T> {
    const share = pLimit(1);
    this.#shares.add(share);
    this.#divide();
    try {
      // The first to ask would take everything before the others have asked.
      await Promise.resolve();
      return await work((transfer) => share(() => this.#slots(transfer)));
    } finally {
      this.#shares.delete(share);
      this.#divide();
    }
  }

  /** What is left over goes to those that came first. A manifest may name tens of thousands of entries: of too many, each has one. */
  #divide(): void {
    const { size } = this.#shares;
    if (size > this.parallel) return;
    let at = 0;
    for (const share of this.#shares) share.concurrency = Math.floor((this.parallel + size - 1 - at++) / size);
  }
}
