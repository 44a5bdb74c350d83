import { type Fault, faultOf, saying } from '../../platform/errors/app-error.js';
import type { PlanDefinition, Ring, RingSelect } from './plan.definition.js';

/** Why a plan cannot be accepted; `ring` counts from 0, null when the plan as a whole is meant. */
export interface PlanFault extends Fault {
  code: PlanFaultCode;
  ring: number | null;
}

export type PlanFaultCode =
  | 'plan-empty'
  | 'plan-start-missing'
  | 'plan-ring-selects-nothing'
  | 'plan-ring-unreachable'
  | 'plan-ring-name-repeated'
  | 'plan-limit-impossible'
  | 'plan-gate-impossible';

/**
 * What keeps a plan, or a part of it, from ever starting: other systems accept such plans and then silently deploy
 * nothing. The shape has been checked before; this judges the meaning.
 */
export function planFaults(plan: PlanDefinition): PlanFault[] {
  if (plan.rings.length === 0) return [{ ...faultOf(saying('plan-empty')), code: 'plan-empty', ring: null }];
  return plan.rings.flatMap((ring, position) => ringFaults(ring, position, plan.rings));
}

function ringFaults(ring: Ring, position: number, rings: readonly Ring[]): PlanFault[] {
  const faults: PlanFault[] = [];
  const refuse = (code: PlanFaultCode, values: Record<string, unknown> = {}): void => {
    faults.push({ ...faultOf(saying(code, { name: ring.name, ...values })), code, ring: position });
  };
  const start = ring.start as Ring['start'] | undefined | null;
  if (start === undefined || start === null) refuse('plan-start-missing');
  if (selectsNothing(ring.select)) refuse('plan-ring-selects-nothing');
  const taker = rings.slice(0, position).find((earlier) => takesEverything(earlier.select));
  if (taker !== undefined) refuse('plan-ring-unreachable', { taker: taker.name });
  if (rings.slice(0, position).some((earlier) => earlier.name === ring.name)) refuse('plan-ring-name-repeated');
  if ((ring.concurrency ?? 1) < 1 || (ring.ratePerMinute ?? 1) < 1) refuse('plan-limit-impossible');
  if (!possible(ring.gate)) refuse('plan-gate-impossible');
  return faults;
}

function possible(gate: Ring['gate']): boolean {
  const share = (value: number): boolean => value >= 0 && value <= 1;
  return share(gate.successShare) && share(gate.endedShare) && gate.soakMinutes >= 0;
}

const FILTERS = ['groups', 'tags', 'productTypes', 'agents'] as const;

function selectsNothing(select: RingSelect): boolean {
  const given = FILTERS.filter((key) => select[key] !== undefined);
  const limited = select.percent !== undefined || select.count !== undefined;
  if (select.all === undefined && given.length === 0 && !limited) return true;
  if (given.some((key) => select[key]?.length === 0)) return true;
  return (select.percent ?? 100) <= 0 || (select.count ?? 1) < 1;
}

/** Nothing that joins later is left either: a late joiner would match this ring first. */
function takesEverything(select: RingSelect): boolean {
  const filtered = FILTERS.some((key) => select[key] !== undefined);
  const limited = (select.percent ?? 100) < 100 || select.count !== undefined;
  return !filtered && !limited;
}
