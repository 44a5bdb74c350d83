import { nextLocalTime } from './local-start.js';
import type { PlanDefinition, Ring, RingGate } from './plan.definition.js';

/** How many products of a ring are where. Skipped, superseded and cancelled ones tell nothing about the content. */
export interface RingCounts {
  /** Not told yet: kept back until the ring lets them through. */
  held: number;
  /** Those of `held` that are in touch and could be told now. */
  heldReachable: number;
  /** Told, nothing heard yet. */
  released: number;
  inProgress: number;
  succeeded: number;
  failed: number;
  expired: number;
  /** In progress without progress for long; also counted in `inProgress`. */
  slow: number;
}

/** A ring as it stands in the database. */
export interface RingStanding {
  state: 'waiting' | 'open' | 'passed';
  counts: RingCounts;
  /** Since when the share is met without a break; the soak time counts from here. */
  settledAt: Date | null;
  approvedAt: Date | null;
  /** When the gate before it let it, or the beginning; null while that gate is shut. */
  eligibleAt: Date | null;
  /** Failures and time-outs that a person has seen and gone on in spite of. */
  forgivenFailed: number;
  forgivenTimeouts: number;
  releasedLastMinute: number;
  releasedLastSeconds: number;
}

/** Contacts of products cause no event: somebody who is waited for is looked for so often. */
export const CONTACT_LOOK_SECONDS = 3;

/** Rates are spread: no burst of a whole minute's allowance at once. */
export const RATE_SPREAD_SECONDS = 5;

export type PauseReason = 'too-many-failures' | 'too-many-timeouts' | 'gate-unreachable';

export type Step =
  | { kind: 'open'; ring: number }
  | { kind: 'release'; ring: number; count: number }
  | { kind: 'settle'; ring: number }
  | { kind: 'unsettle'; ring: number }
  | { kind: 'pass'; ring: number }
  | { kind: 'pause'; ring: number; reason: PauseReason; measured: number; limit: number }
  | { kind: 'finish' };

export type GateBlock = 'not-open' | 'not-ended' | 'share' | 'unreachable' | 'soak' | 'approval';

/** How far a ring is from letting the next one open. */
export interface GateStanding {
  total: number;
  ended: number;
  /** Successful ÷ (successful + failed); null before there is a result. */
  share: number | null;
  met: boolean;
  blockedBy: GateBlock | null;
  soakUntil: Date | null;
}

/** A quotient that is meant to be a whole number must not miss it by the last bit. */
const EPSILON = 1e-9;

/** What counts for judging: what a person has forgiven is taken out. */
function judged(standing: RingStanding): { total: number; succeeded: number; failed: number; expired: number } {
  const { counts } = standing;
  const forgivenFailed = Math.min(standing.forgivenFailed, counts.failed);
  const forgivenExpired = Math.min(standing.forgivenTimeouts, counts.expired);
  const failed = counts.failed - forgivenFailed;
  const expired = counts.expired - forgivenExpired;
  const open = counts.held + counts.released + counts.inProgress;
  return { total: open + counts.succeeded + failed + expired, succeeded: counts.succeeded, failed, expired };
}

export function gateStanding(gate: RingGate, standing: RingStanding, now: Date): GateStanding {
  const { total, succeeded, failed, expired } = judged(standing);
  const results = succeeded + failed;
  const ended = results + expired;
  const share = results === 0 ? null : succeeded / results;
  const answer = (blockedBy: GateBlock | null, soakUntil: Date | null = null): GateStanding => ({
    total,
    ended,
    share,
    met: blockedBy === null,
    blockedBy,
    soakUntil,
  });
  if (standing.state === 'passed') return answer(null);
  if (standing.state === 'waiting') return answer('not-open');
  // A ring in which nothing is to be done has nothing to prove; only a person's word may still be wanted.
  const open = total - ended;
  if (total > 0) {
    const best = (succeeded + open) / Math.max(1, results + open);
    if (best < gate.successShare - EPSILON || (open === 0 && results === 0 && gate.successShare > 0))
      return answer('unreachable');
    if (ended < Math.ceil(total * gate.endedShare - EPSILON)) return answer('not-ended');
    if (gate.successShare > 0 && (share === null || share < gate.successShare - EPSILON)) return answer('share');
    const soakUntil = standing.settledAt && new Date(standing.settledAt.getTime() + gate.soakMinutes * 60_000);
    if (gate.soakMinutes > 0 && (soakUntil === null || soakUntil > now)) return answer('soak', soakUntil);
  }
  if (gate.approval && standing.approvedAt === null) return answer('approval');
  return answer(null);
}

/** When a ring whose way is free opens. */
export function opensAt(ring: Ring, eligibleAt: Date, basisAt: Date): Date {
  switch (ring.start.kind) {
    case 'at-once':
      return eligibleAt;
    case 'delay':
      return new Date(Math.max(eligibleAt.getTime(), basisAt.getTime() + ring.start.minutes * 60_000));
    case 'local-time':
      return nextLocalTime(ring.start.time, ring.start.timeZone, eligibleAt);
  }
}

/** How many more products a ring may tell now. */
export function allowance(ring: Ring, standing: RingStanding): number {
  const { counts } = standing;
  const limited = ring.concurrency !== null || ring.ratePerMinute !== null;
  // Behind a limit an absent product would only block a place; it is told when it shows itself.
  let allowed = limited ? counts.heldReachable : counts.held;
  if (ring.concurrency !== null) allowed = Math.min(allowed, ring.concurrency - counts.released - counts.inProgress);
  if (ring.ratePerMinute !== null) {
    const spread = Math.ceil((ring.ratePerMinute * RATE_SPREAD_SECONDS) / 60);
    allowed = Math.min(
      allowed,
      ring.ratePerMinute - standing.releasedLastMinute,
      spread - standing.releasedLastSeconds,
    );
  }
  return Math.max(0, allowed);
}

function pauseStep(plan: PlanDefinition, position: number, standing: RingStanding): Step | null {
  const { total, failed } = judged(standing);
  const { failedShare, timeouts } = plan.pauseWhen;
  const late = standing.counts.expired + standing.counts.slow - standing.forgivenTimeouts;
  if (failedShare !== null && failed > 0 && failed / total >= failedShare - EPSILON)
    return { kind: 'pause', ring: position, reason: 'too-many-failures', measured: failed / total, limit: failedShare };
  if (timeouts !== null && late > 0 && late >= timeouts)
    return { kind: 'pause', ring: position, reason: 'too-many-timeouts', measured: late, limit: timeouts };
  return null;
}

/**
 * The next moves of a running deployment; pure. Rings are in order; what it answers is to be carried out as a whole, and
 * then it is asked again, until it answers nothing. A pause stands alone: nothing else happens beside it.
 */
export function nextSteps(
  plan: PlanDefinition,
  rings: readonly RingStanding[],
  context: { basisAt: Date; now: Date },
): Step[] {
  const steps: Step[] = [];
  const last = rings.length - 1;
  for (const [position, standing] of rings.entries()) {
    const ring = plan.rings[position];
    if (ring === undefined || standing.state === 'waiting') continue;
    const pause = pauseStep(plan, position, standing);
    if (pause !== null) return [pause];
    const gate = gateStanding(ring.gate, standing, context.now);
    // Without a next ring there is no gate to miss.
    if (gate.blockedBy === 'unreachable' && position < last)
      return [
        {
          kind: 'pause',
          ring: position,
          reason: 'gate-unreachable',
          measured: gate.share ?? 0,
          limit: ring.gate.successShare,
        },
      ];
    const count = allowance(ring, standing);
    if (count > 0) steps.push({ kind: 'release', ring: position, count });
    if (standing.state === 'open' && position < last) steps.push(...gateSteps(position, standing, gate));
  }
  steps.push(...openSteps(plan, rings, context));
  if (steps.length === 0 && everythingEnded(rings)) steps.push({ kind: 'finish' });
  return steps;
}

function gateSteps(ring: number, standing: RingStanding, gate: GateStanding): Step[] {
  const settled = gate.met || gate.blockedBy === 'soak' || gate.blockedBy === 'approval';
  const steps: Step[] = [];
  if (settled && standing.settledAt === null) steps.push({ kind: 'settle', ring });
  if (!settled && standing.settledAt !== null) steps.push({ kind: 'unsettle', ring });
  if (gate.met) steps.push({ kind: 'pass', ring });
  return steps;
}

function openSteps(
  plan: PlanDefinition,
  rings: readonly RingStanding[],
  { basisAt, now }: { basisAt: Date; now: Date },
): Step[] {
  const next = rings.findIndex((standing) => standing.state === 'waiting');
  const ring = plan.rings[next];
  const standing = rings[next];
  if (ring === undefined || standing === undefined || standing.eligibleAt === null) return [];
  if (rings[next - 1] !== undefined && rings[next - 1]?.state !== 'passed') return [];
  return opensAt(ring, standing.eligibleAt, basisAt) <= now ? [{ kind: 'open', ring: next }] : [];
}

/** Every ring has opened and nobody is on the way any more. */
function everythingEnded(rings: readonly RingStanding[]): boolean {
  return rings.every(
    ({ state, counts }) => state !== 'waiting' && counts.held + counts.released + counts.inProgress === 0,
  );
}

/** The earliest instant at which time alone changes something; null when only events can. */
export function nextInstant(
  plan: PlanDefinition,
  rings: readonly RingStanding[],
  { basisAt, now }: { basisAt: Date; now: Date },
): Date | null {
  const instants: number[] = [];
  for (const [position, standing] of rings.entries()) {
    const ring = plan.rings[position];
    if (ring === undefined) continue;
    if (standing.state === 'waiting' && standing.eligibleAt !== null)
      instants.push(opensAt(ring, standing.eligibleAt, basisAt).getTime());
    if (standing.state === 'open') {
      const { soakUntil } = gateStanding(ring.gate, standing, now);
      if (soakUntil !== null) instants.push(soakUntil.getTime());
    }
    const { held, heldReachable } = standing.counts;
    if (standing.state !== 'waiting' && ring.ratePerMinute !== null && heldReachable > 0)
      instants.push(now.getTime() + RATE_SPREAD_SECONDS * 1000);
    if (standing.state !== 'waiting' && held > heldReachable)
      instants.push(now.getTime() + CONTACT_LOOK_SECONDS * 1000);
  }
  return instants.length === 0 ? null : new Date(Math.min(...instants));
}
