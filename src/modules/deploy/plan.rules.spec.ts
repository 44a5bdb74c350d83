import { AT_ONCE, DEFAULT_GATE, SAFE_MODE, type Ring } from './plan.definition.js';
import { planFaults } from './plan.rules.js';

const ring = (change: Partial<Ring> = {}): Ring => ({
  name: 'one',
  select: { count: 1 },
  start: { kind: 'at-once' },
  concurrency: null,
  ratePerMinute: null,
  gate: DEFAULT_GATE,
  ...change,
});
const faults = (...rings: Ring[]): string[] =>
  planFaults({ rings, pauseWhen: { failedShare: null, timeouts: null }, lateJoiners: false }).map(
    ({ code, ring: at }) => `${code}@${at}`,
  );

describe('a plan that could never start', () => {
  it('is not one of the built-in ones', () => {
    expect(planFaults(AT_ONCE)).toEqual([]);
    expect(planFaults(SAFE_MODE)).toEqual([]);
  });

  it('has no ring', () => {
    expect(faults()).toEqual(['plan-empty@null']);
  });

  it.each([
    [{}],
    [{ groups: [] }],
    [{ all: true as const, tags: [] }],
    [{ agents: [], percent: 50 }],
    [{ percent: 0 }],
    [{ count: 0 }],
  ])('has a ring that selects %j', (select) => {
    expect(faults(ring({ select }))).toEqual(['plan-ring-selects-nothing@0']);
  });

  it('has a ring without a start', () => {
    expect(faults(ring({ start: undefined as unknown as Ring['start'] }))).toEqual(['plan-start-missing@0']);
  });

  it('has a ring behind one that takes everybody', () => {
    const all = ring({ name: 'all', select: { all: true } });
    expect(faults(all, ring())).toEqual(['plan-ring-unreachable@1']);
    expect(faults(ring({ name: 'all', select: { percent: 100 } }), ring())).toEqual(['plan-ring-unreachable@1']);
    expect(faults(ring({ name: 'some', select: { all: true, percent: 50 } }), ring())).toEqual([]);
    expect(faults(ring({ name: 'some', select: { all: true, tags: ['x'] } }), ring())).toEqual([]);
  });

  it('has limits or gates that nothing passes, or two rings of one name', () => {
    expect(faults(ring({ concurrency: 0 }))).toEqual(['plan-limit-impossible@0']);
    expect(faults(ring({ ratePerMinute: 0 }))).toEqual(['plan-limit-impossible@0']);
    expect(faults(ring({ gate: { ...DEFAULT_GATE, successShare: 1.1 } }))).toEqual(['plan-gate-impossible@0']);
    expect(faults(ring(), ring())).toEqual(['plan-ring-name-repeated@1']);
  });
});
