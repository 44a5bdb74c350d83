interface Question<T> {
  key: Buffer;
  resolve: (found: T | null) => void;
  reject: (fault: unknown) => void;
}

const BATCH = 1_000;
const MAX_WAITING = 5_000;

/**
 * Looks up by key, many in one statement and one statement at a time: whoever asks for what does not exist, however often, takes one
 * connection to the database and not the pool. What is asked for while a statement runs waits for the next: no answer is older than its
 * question.
 */
export class BatchedLookup<T> {
  private waiting: Question<T>[] = [];
  private running = false;

  /**
   * @param read what there is of these keys, by their hex text
   * @param busy the fault when too many wait
   */
  constructor(
    private readonly read: (keys: Buffer[]) => Promise<ReadonlyMap<string, T>>,
    private readonly busy: () => Error,
  ) {}

  /** Null when there is no such thing. Throws what `busy` says, and what reading throws. */
  find(key: Buffer): Promise<T | null> {
    if (this.waiting.length >= MAX_WAITING) return Promise.reject(this.busy());
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      if (this.running) return;
      this.running = true;
      // What else comes in this turn of the event loop goes with it.
      setImmediate(() => void this.run());
    });
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const asked = this.waiting.splice(0, BATCH);
      try {
        const found = await this.read(asked.map(({ key }) => key));
        for (const { key, resolve } of asked) resolve(found.get(key.toString('hex')) ?? null);
      } catch (fault) {
        // Who waited behind a database that does not answer must not wait as long once more.
        for (const { reject } of asked.concat(this.waiting.splice(0))) reject(fault);
      }
    }
    this.running = false;
  }
}
