import { SignatureDoubts, type SignatureDoubt } from './signature-doubts.js';

const MINUTE = 60_000;
const START = new Date('2026-03-02T00:00:00Z');
const after = (minutes: number): Date => new Date(START.getTime() + minutes * MINUTE);
const pair = (sha256: string, signature: string | null, key = 'pattern/a.zip') => ({ key, sha256, signature });

/** As the database keeps them between two runs. */
function runs(...steps: [minutes: number, work: (doubts: SignatureDoubts) => void][]): void {
  const kept = new Map<string, SignatureDoubt>();
  for (const [minutes, work] of steps) {
    const doubts = new SignatureDoubts(kept.values(), after(minutes));
    work(doubts);
    for (const doubt of doubts.news) kept.set(`${doubt.path} ${doubt.sha256}`, doubt);
  }
}

describe('doubts about signatures', () => {
  it('last an hour, counted from when the pair was first seen', () => {
    runs(
      [0, (doubts) => expect(doubts.note(pair('c1', null))).toBe(true)],
      [59, (doubts) => expect(doubts.note(pair('c1', null))).toBe(true)],
      [
        60,
        (doubts) => expect([doubts.isDoubted(pair('c1', null)), doubts.note(pair('c1', null))]).toEqual([false, false]),
      ],
    );
  });

  it('begin again with another signature, and when the clock was set back', () => {
    runs(
      [0, (doubts) => doubts.note(pair('c1', 's1'))],
      [61, (doubts) => expect(doubts.note(pair('c1', 's2'))).toBe(true)],
      [30, (doubts) => expect(doubts.isDoubted(pair('c1', 's2'))).toBe(false)],
      [30, (doubts) => expect(doubts.note(pair('c1', 's2'))).toBe(true)],
      [91, (doubts) => expect(doubts.note(pair('c1', 's2'))).toBe(false)],
    );
  });

  it('are each their own where one name would sign two files', () => {
    const both = [pair('c1', null, 'pattern/a.zip'), pair('c2', null, 'pattern/a.dat')];
    runs(
      [0, (doubts) => expect(both.map((each) => doubts.note(each))).toEqual([true, true])],
      [30, (doubts) => expect(both.map((each) => doubts.isDoubted(each))).toEqual([true, true])],
      [61, (doubts) => expect(both.map((each) => doubts.note(each))).toEqual([false, false])],
    );
  });

  it('tell of a signature whether it came before its file a while ago', () => {
    const isBeside = (doubts: SignatureDoubts, signature: string, ...contents: string[]): boolean =>
      doubts.isBeside('pattern/v_240.sig', signature, new Set(contents));
    runs(
      [0, (doubts) => doubts.note(pair('c1', 's2', 'pattern/v_240.241'))],
      [59, (doubts) => expect(isBeside(doubts, 's2', 'c0', 'c1')).toBe(true)],
      [59, (doubts) => expect(isBeside(doubts, 's1', 'c1')).toBe(false)],
      [61, (doubts) => expect(isBeside(doubts, 's2', 'c0', 'c1')).toBe(false)],
    );
  });

  it('are open for whatever is beside a content of which another signature is expected', () => {
    runs(
      [0, (doubts) => doubts.note(pair('c1', null))],
      [61, (doubts) => expect(doubts.isOpen(pair('c1', 's1'))).toBe(false)],
      [61, (doubts) => doubts.begin(pair('c1', null))],
      [62, (doubts) => expect(doubts.isOpen(pair('c1', 's1'))).toBe(true)],
      [62, (doubts) => expect(doubts.isOpen(pair('c2', 's1'))).toBe(false)],
    );
  });
});
