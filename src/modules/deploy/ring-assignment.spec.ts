import fc from 'fast-check';
import { DEFAULT_GATE, SAFE_MODE, type Ring, type RingSelect } from './plan.definition.js';
import { assignRings, ringOfLateJoiner, type Candidate, isSample } from './ring-assignment.js';

const product = (controllerId: string, rest: Partial<Candidate> = {}): Candidate => ({
  controllerId,
  groupIds: [],
  tags: [],
  productType: null,
  reachable: true,
  ...rest,
});
const ring = (select: RingSelect): Ring => ({
  name: JSON.stringify(select),
  select,
  start: { kind: 'at-once' },
  concurrency: null,
  ratePerMinute: null,
  gate: DEFAULT_GATE,
});
const many = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, index) => product(`mx${String(index).padStart(3, '0')}`));

describe('the assignment of rings', () => {
  it('gives safe mode one product, a tenth, and the rest', () => {
    const sizes = [0, 0, 0];
    for (const position of assignRings(SAFE_MODE.rings, many(95)).values())
      sizes[position] = (sizes[position] ?? 0) + 1;
    expect(sizes).toEqual([1, 10, 84]);
  });

  it('prefers products in touch for a small ring', () => {
    const assigned = assignRings(
      [ring({ count: 1 }), ring({ all: true })],
      [product('a', { reachable: false }), product('b'), product('c')],
    );
    expect(Object.fromEntries(assigned)).toEqual({ b: 0, a: 1, c: 1 });
  });

  it('combines filters, and leaves out whom no ring selects', () => {
    const assigned = assignRings(
      [ring({ groups: ['g1'], tags: ['canary', 'lab'] }), ring({ productTypes: ['gateway'] }), ring({ agents: ['e'] })],
      [
        product('a', { groupIds: ['g1', 'root'], tags: ['lab'] }),
        product('b', { groupIds: ['g1'] }),
        product('c', { groupIds: ['g2'], productType: 'gateway' }),
        product('d', { tags: ['canary'] }),
        product('e'),
      ],
    );
    expect(Object.fromEntries(assigned)).toEqual({ a: 0, c: 1, e: 2 });
  });

  it('takes the first ring without a limit for a late joiner', () => {
    const rings = [ring({ count: 1 }), ring({ percent: 10 }), ring({ tags: ['lab'] }), ring({ all: true })];
    expect(ringOfLateJoiner(rings, product('x'))).toBe(3);
    expect(ringOfLateJoiner(rings, product('x', { tags: ['lab'] }))).toBe(2);
    expect(ringOfLateJoiner(rings.slice(0, 3), product('x'))).toBeNull();
  });

  it('does not depend on the order in which products come', () => {
    const rings = [ring({ count: 2 }), ring({ percent: 30 }), ring({ all: true })];
    fc.assert(
      fc.property(fc.shuffledSubarray(many(20), { minLength: 20 }), (shuffled) => {
        expect([...assignRings(rings, shuffled)].sort()).toEqual([...assignRings(rings, many(20))].sort());
      }),
    );
  });
});

describe('a sample', () => {
  it.each([
    [{ count: 1 }, true],
    [{ all: true as const, percent: 10 }, true],
    [{ all: true as const }, false],
    [{ all: true as const, percent: 100 }, false],
    [{ tags: ['pilot'], count: 1 }, false],
    [{ agents: ['mx1'] }, false],
  ])('%j: %s', (select, expected) => {
    const gate = { successShare: 1, endedShare: 1, soakMinutes: 0, approval: false };
    const ring = {
      name: 'x',
      select,
      start: { kind: 'at-once' as const },
      concurrency: null,
      ratePerMinute: null,
      gate,
    };
    expect(isSample(ring)).toBe(expected);
  });
});
