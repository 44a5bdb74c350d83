import { AT_ONCE, DEFAULT_GATE, SAFE_MODE, type PlanDefinition, type Ring } from './plan.definition.js';
import { allowance, gateStanding, nextInstant, nextSteps, type RingCounts, type RingStanding } from './ring.engine.js';

const NOW = new Date('2026-05-10T03:00:00Z');
const context = { basisAt: NOW, now: NOW };
const later = (minutes: number): { basisAt: Date; now: Date } => ({
  basisAt: NOW,
  now: new Date(NOW.getTime() + minutes * 60_000),
});

function standing(counts: Partial<RingCounts> = {}, rest: Partial<RingStanding> = {}): RingStanding {
  const held = counts.held ?? 0;
  return {
    state: 'open',
    settledAt: null,
    approvedAt: null,
    eligibleAt: NOW,
    forgivenFailed: 0,
    forgivenTimeouts: 0,
    releasedLastMinute: 0,
    releasedLastSeconds: 0,
    ...rest,
    counts: {
      heldReachable: held,
      held: 0,
      released: 0,
      inProgress: 0,
      succeeded: 0,
      failed: 0,
      expired: 0,
      slow: 0,
      ...counts,
    },
  };
}

const waiting = (held: number, eligible = false): RingStanding =>
  standing({ held }, { state: 'waiting', eligibleAt: eligible ? NOW : null });

function ring(change: Partial<Ring> = {}): Ring {
  return {
    name: 'ring',
    select: { all: true },
    start: { kind: 'at-once' },
    concurrency: null,
    ratePerMinute: null,
    gate: DEFAULT_GATE,
    ...change,
  };
}

const plan = (rings: Ring[], change: Partial<PlanDefinition> = {}): PlanDefinition => ({
  rings,
  pauseWhen: { failedShare: null, timeouts: null },
  lateJoiners: false,
  ...change,
});

describe('an order without a plan', () => {
  it('opens its one ring, tells everybody and ends when nobody is on the way', () => {
    expect(nextSteps(AT_ONCE, [waiting(3, true)], context)).toEqual([{ kind: 'open', ring: 0 }]);
    expect(nextSteps(AT_ONCE, [standing({ held: 3 })], context)).toEqual([{ kind: 'release', ring: 0, count: 3 }]);
    expect(nextSteps(AT_ONCE, [standing({ inProgress: 1, succeeded: 2 })], context)).toEqual([]);
    expect(nextSteps(AT_ONCE, [standing({ failed: 1, succeeded: 2 })], context)).toEqual([{ kind: 'finish' }]);
  });
});

describe('a gate', () => {
  const gate = { successShare: 0.9, endedShare: 0.9, soakMinutes: 0, approval: false };

  it('waits until enough have ended, then for the share', () => {
    expect(gateStanding(gate, standing({ inProgress: 2, succeeded: 8 }), NOW)).toMatchObject({
      blockedBy: 'not-ended',
    });
    expect(gateStanding(gate, standing({ inProgress: 1, succeeded: 9 }), NOW)).toMatchObject({ met: true, share: 1 });
    expect(gateStanding(gate, standing({ released: 1, succeeded: 8, failed: 1 }), NOW)).toMatchObject({
      blockedBy: 'share',
    });
  });

  it('says so as soon as the share can no longer be reached', () => {
    expect(gateStanding(gate, standing({ held: 8, failed: 2 }), NOW)).toMatchObject({ blockedBy: 'unreachable' });
    expect(gateStanding(gate, standing({ held: 9, failed: 1 }), NOW)).toMatchObject({ blockedBy: 'not-ended' });
  });

  it('learns nothing from products that never answered', () => {
    expect(gateStanding(gate, standing({ expired: 3 }), NOW)).toMatchObject({ blockedBy: 'unreachable', share: null });
  });

  it('lets a ring pass in which nothing is to be done', () => {
    expect(gateStanding(gate, standing({}), NOW)).toMatchObject({ met: true, total: 0 });
  });

  it('soaks from the moment the share was met', () => {
    const soaking = { ...gate, soakMinutes: 10 };
    const done = standing({ succeeded: 10 }, { settledAt: NOW });
    expect(gateStanding(soaking, done, later(9).now)).toMatchObject({ blockedBy: 'soak', soakUntil: later(10).now });
    expect(gateStanding(soaking, done, later(10).now)).toMatchObject({ met: true });
    const two = plan([ring({ gate: soaking, select: { count: 10 } }), ring({ name: 'rest' })]);
    expect(nextSteps(two, [standing({ succeeded: 10 }), waiting(5)], context)).toEqual([{ kind: 'settle', ring: 0 }]);
    expect(nextInstant(two, [done, waiting(5)], context)).toEqual(later(10).now);
  });

  it('starts the soak again when late failures break the share', () => {
    const two = plan([ring({ gate: { ...gate, soakMinutes: 10 }, select: { count: 12 } }), ring({ name: 'rest' })]);
    const broken = standing({ succeeded: 9, failed: 1, inProgress: 2 }, { settledAt: NOW });
    expect(nextSteps(two, [broken, waiting(5)], later(10))).toEqual([{ kind: 'unsettle', ring: 0 }]);
  });

  it('waits for a person where one is wanted, even when there was nothing to do', () => {
    const approved = { ...gate, approval: true };
    expect(gateStanding(approved, standing({ succeeded: 10 }), NOW)).toMatchObject({ blockedBy: 'approval' });
    expect(gateStanding(approved, standing({}), NOW)).toMatchObject({ blockedBy: 'approval' });
    expect(gateStanding(approved, standing({ succeeded: 10 }, { approvedAt: NOW }), NOW)).toMatchObject({ met: true });
  });
});

describe('the start of a ring', () => {
  it('counts a delay from the end of the download', () => {
    const one = plan([ring({ start: { kind: 'delay', minutes: 30 } })]);
    expect(nextSteps(one, [waiting(1, true)], later(29))).toEqual([]);
    expect(nextSteps(one, [waiting(1, true)], later(30))).toEqual([{ kind: 'open', ring: 0 }]);
    expect(nextInstant(one, [waiting(1, true)], context)).toEqual(later(30).now);
  });

  it('takes the next local time after its gate let it', () => {
    const one = plan([ring({ start: { kind: 'local-time', time: '22:00', timeZone: 'Asia/Tokyo' } })]);
    expect(nextSteps(one, [waiting(1, true)], { basisAt: NOW, now: new Date('2026-05-10T12:59:59Z') })).toEqual([]);
    expect(nextSteps(one, [waiting(1, true)], { basisAt: NOW, now: new Date('2026-05-10T13:00:00Z') })).toHaveLength(1);
  });

  it('stays shut while the gate before it is', () => {
    const two = plan([ring({ select: { count: 1 } }), ring({ name: 'rest' })]);
    expect(nextSteps(two, [standing({ inProgress: 1 }), waiting(5)], later(1e6))).toEqual([]);
    expect(nextSteps(two, [standing({ inProgress: 1 }), waiting(5, true)], later(1e6))).toEqual([]);
  });
});

describe('limits', () => {
  it('keep places free for products that are in touch', () => {
    const limited = ring({ concurrency: 5 });
    expect(allowance(limited, standing({ held: 100, heldReachable: 2, released: 1, inProgress: 1 }))).toBe(2);
    expect(allowance(limited, standing({ held: 100, heldReachable: 50, released: 2, inProgress: 3 }))).toBe(0);
    expect(allowance(ring(), standing({ held: 100, heldReachable: 2 }))).toBe(100);
  });

  it('look soon for a product that shows itself, since that causes no event', () => {
    const limited = plan([ring({ concurrency: 5 })]);
    expect(nextInstant(limited, [standing({ held: 1, heldReachable: 0 })], context)).toEqual(later(3 / 60).now);
    expect(nextInstant(limited, [standing({ inProgress: 1 })], context)).toBeNull();
  });

  it('spread a rate over the minute', () => {
    const limited = ring({ ratePerMinute: 60 });
    expect(allowance(limited, standing({ held: 100 }))).toBe(5);
    expect(allowance(limited, standing({ held: 100 }, { releasedLastMinute: 58, releasedLastSeconds: 1 }))).toBe(2);
    expect(allowance(limited, standing({ held: 100 }, { releasedLastMinute: 60 }))).toBe(0);
  });
});

describe('a pause', () => {
  const paused = plan([ring(), ring({ name: 'rest' })], { pauseWhen: { failedShare: 0.1, timeouts: 3 } });

  it('comes with the share of failures, and nothing happens beside it', () => {
    const steps = nextSteps(paused, [standing({ held: 80, failed: 10, succeeded: 10 }), waiting(5)], context);
    expect(steps).toEqual([{ kind: 'pause', ring: 0, reason: 'too-many-failures', measured: 0.1, limit: 0.1 }]);
  });

  it('comes with time-outs, slow ones included', () => {
    const steps = nextSteps(
      paused,
      [standing({ inProgress: 2, slow: 2, expired: 1, succeeded: 50 }), waiting(5)],
      context,
    );
    expect(steps).toEqual([{ kind: 'pause', ring: 0, reason: 'too-many-timeouts', measured: 3, limit: 3 }]);
  });

  it('watches rings that passed their gate as well', () => {
    const two = plan([ring({ select: { percent: 10 } }), ring({ name: 'rest' })], {
      pauseWhen: { failedShare: 0.5, timeouts: null },
    });
    const steps = nextSteps(
      two,
      [standing({ failed: 5, succeeded: 5 }, { state: 'passed' }), standing({ held: 5 })],
      context,
    );
    expect(steps).toMatchObject([{ kind: 'pause', ring: 0 }]);
  });

  it('does not come again for what a person has seen', () => {
    const seen = standing({ held: 80, failed: 10, succeeded: 10 }, { forgivenFailed: 10 });
    expect(nextSteps(paused, [seen, waiting(5)], context)).toEqual([{ kind: 'release', ring: 0, count: 80 }]);
    const again = standing({ held: 70, failed: 20, succeeded: 10 }, { forgivenFailed: 10 });
    expect(nextSteps(paused, [again, waiting(5)], context)).toMatchObject([{ kind: 'pause' }]);
  });

  it('comes when the first product of safe mode fails, and a person can go on in spite of it', () => {
    const [first, rest] = [standing({ failed: 1 }), waiting(9)];
    expect(nextSteps(SAFE_MODE, [first, rest, waiting(90)], context)).toMatchObject([{ kind: 'pause', ring: 0 }]);
    const seen = { ...first, forgivenFailed: 1 };
    expect(nextSteps(SAFE_MODE, [seen, rest, waiting(90)], context)).toContainEqual({ kind: 'pass', ring: 0 });
  });
});
