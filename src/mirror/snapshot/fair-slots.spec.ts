import { setImmediate as turn } from 'node:timers/promises';
import { FairSlots, type Slots } from './fair-slots.js';

/** Components whose transfers end when the test says so. */
class Transfers {
  readonly under: { name: string; end: () => void }[] = [];
  readonly #slots: FairSlots;
  readonly #over: Promise<unknown>[] = [];

  constructor(parallel: number) {
    this.#slots = new FairSlots(parallel);
  }

  component(name: string, files: number): void {
    const transfer = (): Promise<void> =>
      new Promise((resolve) => {
        const it = { name, end: () => (this.under.splice(this.under.indexOf(it), 1), resolve()) };
        this.under.push(it);
      });
    this.#over.push(
      this.#slots.lend((slots) => Promise.all(Array.from({ length: files }, async () => slots(transfer)))),
    );
  }

  /** How many files of each component are under way. */
  async counts(): Promise<Record<string, number>> {
    await turn();
    const counts: Record<string, number> = {};
    for (const { name } of this.under) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  async end(name: string, files = 1): Promise<void> {
    for (let index = 0; index < files; index += 1) {
      this.under.find((each) => each.name === name)?.end();
      await turn();
    }
  }

  async all(): Promise<void> {
    while ((await this.counts(), this.under.length > 0)) for (const each of [...this.under]) each.end();
    await Promise.all(this.#over);
  }
}

describe('fair slots', () => {
  it('are all for a component that is alone', async () => {
    const transfers = new Transfers(8);
    transfers.component('a', 20);
    expect(await transfers.counts()).toEqual({ a: 8 });
    await transfers.all();
  });

  it('are divided among those that begin together, and again when one has ended', async () => {
    const transfers = new Transfers(8);
    transfers.component('hangs', 20);
    transfers.component('b', 20);
    transfers.component('c', 3);
    expect(await transfers.counts()).toEqual({ hangs: 3, b: 3, c: 2 });
    await transfers.end('c', 3);
    expect(await transfers.counts()).toEqual({ hangs: 4, b: 4 });
    await transfers.end('b', 20);
    expect(await transfers.counts()).toEqual({ hangs: 8 });
    await transfers.all();
  });

  it('are used up, whatever the number of components', async () => {
    const transfers = new Transfers(8);
    for (const name of ['a', 'b', 'c', 'd', 'e']) transfers.component(name, 20);
    expect(await transfers.counts()).toEqual({ a: 2, b: 2, c: 2, d: 1, e: 1 });
    await transfers.all();
  });

  it('go round when there are more components than slots', async () => {
    const transfers = new Transfers(2);
    for (const name of ['hangs', 'b', 'c', 'd']) transfers.component(name, 2);
    expect(await transfers.counts()).toEqual({ hangs: 1, b: 1 });
    await transfers.end('b');
    expect(await transfers.counts()).toEqual({ hangs: 1, c: 1 });
    await transfers.end('c');
    expect(await transfers.counts()).toEqual({ hangs: 1, d: 1 });
    await transfers.end('d');
    expect(await transfers.counts()).toEqual({ hangs: 1, b: 1 });
    await transfers.all();
  });

  it('are dealt out to tens of thousands of components without reckoning with each of them again', async () => {
    const slots = new FairSlots(8);
    let done = 0;
    const one = (own: Slots): Promise<void> => own(() => Promise.resolve(void (done += 1)));
    const began = performance.now();
    await Promise.all(Array.from({ length: 20_000 }, () => slots.lend(one)));
    expect(done).toBe(20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('come back from a component whose work failed', async () => {
    const slots = new FairSlots(2);
    await expect(slots.lend(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    let under = 0;
    await slots.lend((own) =>
      Promise.all(
        [1, 2].map(async () =>
          own(async () => {
            under += 1;
            await turn();
            expect(under).toBe(2);
          }),
        ),
      ),
    );
  });
});
