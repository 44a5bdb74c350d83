import { BatchedLookup } from './batched-lookup.js';

interface Statement {
  keys: string[];
  answer: (found: Record<string, number>) => void;
  fail: (fault: Error) => void;
}

describe('a batched lookup', () => {
  const begun: Statement[] = [];
  let lookup: BatchedLookup<number>;

  beforeEach(() => {
    begun.length = 0;
    lookup = new BatchedLookup(
      (keys) =>
        new Promise((resolve, reject) => {
          const hex = ([text, value]: [string, number]): [string, number] => [Buffer.from(text).toString('hex'), value];
          begun.push({
            keys: keys.map(String),
            answer: (found) => resolve(new Map(Object.entries(found).map(hex))),
            fail: reject,
          });
        }),
      () => new Error('busy'),
    );
  });

  const find = (key: string): Promise<number | null> => lookup.find(Buffer.from(key));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('asks once for all that is wanted at once, and one statement at a time', async () => {
    const first = ['a', 'b', 'c'].map(find);
    await turn();
    // Asked while the statement runs, that of a key which is in it, too: it may have been added meanwhile.
    const later = ['b', 'd'].map(find);
    await turn();
    expect(begun.map(({ keys }) => keys)).toEqual([['a', 'b', 'c']]);
    begun[0]?.answer({ a: 1, c: 0 });
    expect(await Promise.all(first)).toEqual([1, null, 0]);
    await turn();
    expect(begun[1]?.keys).toEqual(['b', 'd']);
    begun[1]?.answer({ b: 2 });
    expect(await Promise.all(later)).toEqual([2, null]);
    const idle = find('e');
    await turn();
    begun[2]?.answer({ e: 5 });
    expect(await idle).toBe(5);
  });

  it('splits what is too much for one statement, and sends away what is too much to wait', async () => {
    const asked = Array.from({ length: 5_001 }, (_, i) => find(`k${i}`).catch((fault: Error) => fault.message));
    expect(await asked.at(-1)).toBe('busy');
    for (let i = 0; i < 5; i += 1) {
      await turn();
      expect(begun[i]?.keys).toHaveLength(1_000);
      begun[i]?.answer({});
    }
    expect(new Set(await Promise.all(asked))).toEqual(new Set([null, 'busy']));
  });

  it('tells a fault to all who wait, and goes on', async () => {
    const first = expect(find('a')).rejects.toThrow('gone');
    await turn();
    const second = expect(find('b')).rejects.toThrow('gone');
    begun[0]?.fail(new Error('gone'));
    await Promise.all([first, second]);
    const third = find('c');
    await turn();
    begun[1]?.answer({ c: 3 });
    expect(await third).toBe(3);
  });
});
