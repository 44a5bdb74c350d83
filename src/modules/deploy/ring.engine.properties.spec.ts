import fc from 'fast-check';
import type { PlanDefinition, Ring } from './plan.definition.js';
import { gateStanding, nextSteps, RATE_SPREAD_SECONDS, type RingStanding, type Step } from './ring.engine.js';

type Place = 'held' | 'released' | 'inProgress' | 'succeeded' | 'failed' | 'expired';

interface Product {
  ring: number;
  place: Place;
  releasedAt: number;
  /** Seconds until it fetches, and from there until it ends; how it ends. */
  fetchAfter: number;
  workFor: number;
  end: 'succeeded' | 'failed' | 'expired';
  reachable: boolean;
}

/** What the database and the products do, in seconds of simulated time; checks every step against the rules. */
class World {
  readonly products: Product[];
  readonly standings: Pick<RingStanding, 'state' | 'settledAt' | 'approvedAt' | 'eligibleAt'>[];
  now = 0;
  paused = false;
  finished = false;
  readonly opened: number[] = [];

  constructor(
    readonly plan: PlanDefinition,
    products: Product[],
  ) {
    this.products = products.map((product) => ({ ...product }));
    this.standings = plan.rings.map((_, position) => ({
      state: 'waiting',
      settledAt: null,
      approvedAt: null,
      eligibleAt: position === 0 ? this.date() : null,
    }));
  }

  date(): Date {
    return new Date(1_700_000_000_000 + this.now * 1000);
  }

  rings(): RingStanding[] {
    return this.standings.map((state, ring) => {
      const members = this.products.filter((product) => product.ring === ring);
      const count = (place: Place): number => members.filter((product) => product.place === place).length;
      const since = (seconds: number): number =>
        members.filter((p) => p.place !== 'held' && p.releasedAt > this.now - seconds).length;
      return {
        ...state,
        counts: {
          held: count('held'),
          heldReachable: members.filter((product) => product.place === 'held' && product.reachable).length,
          released: count('released'),
          inProgress: count('inProgress'),
          succeeded: count('succeeded'),
          failed: count('failed'),
          expired: count('expired'),
          slow: 0,
        },
        forgivenFailed: 0,
        forgivenTimeouts: 0,
        releasedLastMinute: since(60),
        releasedLastSeconds: since(RATE_SPREAD_SECONDS),
      };
    });
  }

  private apply(step: Step): void {
    switch (step.kind) {
      case 'open': {
        const before = this.standings[step.ring - 1];
        expect(step.ring === 0 || before?.state === 'passed').toBe(true);
        expect(this.opened).not.toContain(step.ring);
        this.opened.push(step.ring);
        Object.assign(this.standings[step.ring] ?? {}, { state: 'open' });
        break;
      }
      case 'pass': {
        const [gate, standing] = [this.plan.rings[step.ring]?.gate, this.rings()[step.ring]];
        if (!gate || !standing) throw new Error('no such ring');
        expect(gateStanding(gate, standing, this.date()).met).toBe(true);
        Object.assign(this.standings[step.ring] ?? {}, { state: 'passed' });
        Object.assign(this.standings[step.ring + 1] ?? {}, { eligibleAt: this.date() });
        break;
      }
      case 'settle':
      case 'unsettle':
        Object.assign(this.standings[step.ring] ?? {}, { settledAt: step.kind === 'settle' ? this.date() : null });
        break;
      case 'release':
        expect(this.standings[step.ring]?.state).not.toBe('waiting');
        this.products
          .filter((product) => product.ring === step.ring && product.place === 'held')
          .sort((a, b) => Number(b.reachable) - Number(a.reachable))
          .slice(0, step.count)
          .forEach((product) => Object.assign(product, { place: 'released', releasedAt: this.now }));
        break;
      case 'pause':
        this.paused = true;
        break;
      case 'finish':
        this.finished = true;
        break;
    }
  }

  /** One sweep, until nothing more is to be done. */
  sweep(): void {
    for (let round = 0; !this.paused && !this.finished; round += 1) {
      expect(round).toBeLessThan(3 * this.plan.rings.length + 3);
      const steps = nextSteps(this.plan, this.rings(), { basisAt: new Date(1_700_000_000_000), now: this.date() });
      if (steps.length === 0) break;
      if (steps.some((step) => step.kind === 'pause')) expect(steps).toHaveLength(1);
      for (const step of steps) this.apply(step);
      this.checkLimits();
    }
  }

  private checkLimits(): void {
    for (const [position, standing] of this.rings().entries()) {
      const ring = this.plan.rings[position];
      const { released, inProgress } = standing.counts;
      if (ring?.concurrency != null) expect(released + inProgress).toBeLessThanOrEqual(ring.concurrency);
      if (ring?.ratePerMinute != null) expect(standing.releasedLastMinute).toBeLessThanOrEqual(ring.ratePerMinute);
      if (standing.state === 'waiting') expect(released + inProgress + standing.counts.succeeded).toBe(0);
    }
  }

  advance(seconds: number): void {
    this.now += seconds;
    for (const product of this.products) {
      const age = this.now - product.releasedAt;
      if (product.place === 'held') product.reachable ||= this.now % 60 === 0;
      if (product.place === 'released' && age >= product.fetchAfter) product.place = 'inProgress';
      if (product.place === 'inProgress' && age >= product.fetchAfter + product.workFor) product.place = product.end;
    }
  }
}

const ringOf = (position: number): fc.Arbitrary<Ring> =>
  fc.record({
    name: fc.constant(`ring ${position}`),
    select: fc.constant({ count: 1 }),
    start: fc.oneof(
      fc.constant({ kind: 'at-once' as const }),
      fc.record({ kind: fc.constant('delay' as const), minutes: fc.integer({ min: 0, max: 10 }) }),
    ),
    concurrency: fc.option(fc.integer({ min: 1, max: 4 })),
    ratePerMinute: fc.option(fc.integer({ min: 1, max: 30 })),
    gate: fc.record({
      successShare: fc.constantFrom(0, 0.5, 0.9, 1),
      endedShare: fc.constantFrom(0, 0.5, 0.9, 1),
      soakMinutes: fc.integer({ min: 0, max: 5 }),
      approval: fc.constant(false),
    }),
  });

const productOf = (rings: number, ends: Product['end'][]): fc.Arbitrary<Product> =>
  fc.record({
    ring: fc.integer({ min: 0, max: rings - 1 }),
    place: fc.constant('held' as const),
    releasedAt: fc.constant(0),
    fetchAfter: fc.integer({ min: 0, max: 30 }),
    workFor: fc.integer({ min: 1, max: 120 }),
    end: fc.constantFrom(...ends),
    reachable: fc.boolean(),
  });

const world = (ends: Product['end'][]): fc.Arbitrary<World> =>
  fc.integer({ min: 1, max: 4 }).chain((count) =>
    fc
      .record({
        rings: fc.tuple(...Array.from({ length: count }, (_, position) => ringOf(position))),
        products: fc.array(productOf(count, ends), { maxLength: 25 }),
        failedShare: fc.option(fc.constantFrom(0.1, 0.5, 1)),
        timeouts: fc.option(fc.integer({ min: 1, max: 5 })),
      })
      .map(({ rings, products, failedShare, timeouts }) => {
        const plan = { rings, pauseWhen: { failedShare, timeouts }, lateJoiners: false };
        return new World(plan, products);
      }),
  );

const STEP_SECONDS = 2;

function run(simulated: World, hours: number): void {
  while (!simulated.finished && !simulated.paused && simulated.now < hours * 3600) {
    simulated.sweep();
    simulated.advance(STEP_SECONDS);
  }
}

describe('the ring engine under any plan and any behaviour', () => {
  it('opens rings in order and once, only behind a gate that is met, and never exceeds a limit', () => {
    fc.assert(
      fc.property(world(['succeeded', 'failed', 'expired']), (simulated) => {
        run(simulated, 2);
        expect(simulated.opened).toEqual([...simulated.opened].sort((a, b) => a - b));
        if (simulated.finished) expect(simulated.products.some(({ place }) => place === 'held')).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('reaches its end when every product succeeds', () => {
    fc.assert(
      fc.property(world(['succeeded']), (simulated) => {
        run(simulated, 12);
        expect(simulated.paused).toBe(false);
        expect(simulated.finished).toBe(true);
        expect(simulated.products.every(({ place }) => place === 'succeeded')).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
