import fc from 'fast-check';
import { planRetention, type ReleaseFacts, type RetentionInput, type SnapshotFacts } from './retention.js';

const now = new Date('2026-11-22T12:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

function snapshot(id: string, ageHours: number, change: Partial<SnapshotFacts> = {}): SnapshotFacts {
  return { id, createdAt: hoursAgo(ageHours), pinned: false, inForce: false, releases: new Set(), ...change };
}

function release(id: string, ageHours: number, change: Partial<ReleaseFacts> = {}): ReleaseFacts {
  return {
    id,
    componentId: 'virus-pattern',
    version: id,
    variant: '00',
    derivedFrom: null,
    createdAt: hoursAgo(ageHours),
    lastInForceAt: hoursAgo(ageHours),
    complete: true,
    ...change,
  };
}

function plan(change: Partial<RetentionInput>) {
  const rules = { keepVersions: 2, keepSnapshots: 2, graceHours: 48 };
  const made = planRetention({ now, rules, snapshots: [], releases: [], held: new Set(), ...change });
  return { snapshots: Object.fromEntries(made.snapshots), releases: Object.fromEntries(made.releases) };
}

describe('retention', () => {
  it('keeps snapshots that are in force, pinned, among the newest, or young', () => {
    const snapshots = [
      snapshot('f', 1),
      snapshot('e', 2),
      snapshot('d', 47.9),
      snapshot('c', 48),
      snapshot('b', 900, { pinned: true }),
      snapshot('a', 1000, { inForce: true }),
    ];
    expect(plan({ snapshots }).snapshots).toEqual({ f: 'newest', e: 'newest', d: 'grace', b: 'pinned', a: 'in-force' });
  });

  it('keeps the releases of kept snapshots, and of no others', () => {
    const snapshots = [
      snapshot('c', 100, { inForce: true, releases: new Set(['r3']) }),
      snapshot('b', 101, { releases: new Set(['r2']) }),
      snapshot('a', 102, { releases: new Set(['r1']) }),
    ];
    const releases = [release('r5', 98), release('r4', 99), release('r3', 100), release('r2', 101), release('r1', 102)];
    expect(plan({ snapshots, releases }).releases).toEqual({
      r5: 'newest',
      r4: 'newest',
      r3: 'snapshot',
      r2: 'snapshot',
    });
  });

  it('counts versions by component and variant, and a version only once', () => {
    const releases = [
      release('signed-late', 101, { version: '9' }),
      release('first', 102, { version: '9' }),
      release('before', 103, { version: '8' }),
      release('older', 104, { version: '7' }),
      release('japan', 105, { version: '980', variant: '80' }),
      release('engine', 500, { componentId: 'virus-scan-engine', variant: null }),
    ];
    expect(Object.keys(plan({ releases }).releases)).toEqual(['signed-late', 'before', 'japan', 'engine']);
  });

  it('counts by when a release was in force last, not by when it was first had', () => {
    const releases = [
      release('newest', 100),
      release('passed-over', 101, { lastInForceAt: hoursAgo(101) }),
      release('brought-back', 900, { lastInForceAt: hoursAgo(100.5) }),
      release('recorded-only', 99),
    ];
    expect(
      Object.keys(plan({ releases, rules: { keepVersions: 3, keepSnapshots: 2, graceHours: 1 } }).releases),
    ).toEqual(['recorded-only', 'newest', 'brought-back']);
  });

  it('does not count releases that have lost a file', () => {
    const releases = [release('c', 101, { complete: false }), release('b', 102), release('a', 103)];
    expect(plan({ releases }).releases).toEqual({ b: 'newest', a: 'newest' });
  });

  it('keeps young releases whatever their number', () => {
    const releases = [
      release('uploaded-again', 0.1, { version: '9' }),
      release('uploaded', 0.2, { version: '9' }),
      release('published', 0.3, { version: '10' }),
      release('recorded', 47.9, { version: '7' }),
      release('old', 48, { version: '6' }),
    ];
    expect(plan({ releases }).releases).toEqual({
      'uploaded-again': 'newest',
      published: 'newest',
      uploaded: 'grace',
      recorded: 'grace',
    });
  });

  it('keeps what somebody holds, and what kept releases were derived from', () => {
    const releases = [
      release('c', 1, { variant: '80', derivedFrom: 'b2' }),
      release('x', 2),
      release('y', 3),
      release('b2', 400, { derivedFrom: 'b1' }),
      release('b1', 401),
      release('held', 500),
      release('gone', 501),
    ];
    expect(plan({ releases, held: new Set(['held', 'unknown']) }).releases).toEqual({
      held: 'held',
      c: 'newest',
      x: 'newest',
      y: 'newest',
      b2: 'derived-from',
      b1: 'derived-from',
    });
  });

  it('never lets go of what is in force, of its releases or their ancestors, whatever the rules', () => {
    const ids = fc.constantFrom('r0', 'r1', 'r2', 'r3', 'r4');
    const anySnapshot = fc.record({
      id: fc.uuid(),
      createdAt: fc.integer({ min: -10, max: 2000 }).map(hoursAgo),
      pinned: fc.boolean(),
      inForce: fc.boolean(),
      releases: fc.array(ids).map((list) => new Set(list)),
    });
    const releases = [0, 1, 2, 3, 4].map((n) => release(`r${n}`, n * 100, { derivedFrom: n > 2 ? `r${n - 1}` : null }));
    const rules = fc.record({
      keepVersions: fc.integer({ min: 1, max: 3 }),
      keepSnapshots: fc.integer({ min: 2, max: 4 }),
      graceHours: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), rules, (snapshots, anyRules) => {
        const made = planRetention({ now, rules: anyRules, snapshots, releases, held: new Set() });
        for (const each of snapshots.filter(({ inForce, pinned }) => inForce || pinned)) {
          expect(made.snapshots.has(each.id)).toBe(true);
          for (const id of each.releases) {
            expect(made.releases.has(id)).toBe(true);
            const parent = releases.find((other) => other.id === id)?.derivedFrom;
            if (parent) expect(made.releases.has(parent)).toBe(true);
          }
        }
        expect(made.snapshots.size).toBeGreaterThanOrEqual(Math.min(snapshots.length, anyRules.keepSnapshots));
      }),
    );
  });
});
