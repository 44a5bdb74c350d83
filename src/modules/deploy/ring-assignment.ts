import type { Ring, RingSelect } from './plan.definition.js';

/** A product that is to be deployed to, as far as rings are concerned. */
export interface Candidate {
  controllerId: string;
  /** Its group and the groups above it. */
  groupIds: readonly string[];
  tags: readonly string[];
  productType: string | null;
  /** In touch now: small rings prefer products that can answer. */
  reachable: boolean;
}

/**
 * Gives every candidate the first ring that selects it; whoever no ring selects is absent from the answer. Depends on
 * nothing but the arguments, so that a preview says what then happens.
 */
export function assignRings(rings: readonly Ring[], candidates: readonly Candidate[]): Map<string, number> {
  const assigned = new Map<string, number>();
  const ordered = [...candidates].sort(
    (a, b) => Number(b.reachable) - Number(a.reachable) || (a.controllerId < b.controllerId ? -1 : 1),
  );
  for (const [position, { select }] of rings.entries()) {
    const passing = ordered.filter((candidate) => passes(select, candidate));
    const left = passing.filter(({ controllerId }) => !assigned.has(controllerId));
    for (const { controllerId } of left.slice(0, limitOf(select, passing.length))) assigned.set(controllerId, position);
  }
  return assigned;
}

/** The ring of a product that joins later: rings of a limited size are full, so the first without a limit. Null: none. */
export function ringOfLateJoiner(rings: readonly Ring[], candidate: Candidate): number | null {
  const position = rings.findIndex(({ select }) => limitOf(select, 0) === Infinity && passes(select, candidate));
  return position < 0 ? null : position;
}

/** So many of all products, whichever: any other one would do as well. */
export function isSample(ring: Ring | undefined): boolean {
  if (ring === undefined) return false;
  const { groups, tags, productTypes, agents } = ring.select;
  const filtered = [groups, tags, productTypes, agents].some((each) => each !== undefined);
  return !filtered && limitOf(ring.select, 0) !== Infinity;
}

function limitOf(select: RingSelect, passing: number): number {
  const percent = select.percent ?? 100;
  return Math.min(select.count ?? Infinity, percent >= 100 ? Infinity : Math.ceil((passing * percent) / 100));
}

function passes(select: RingSelect, candidate: Candidate): boolean {
  const among = (wanted: readonly string[] | undefined, actual: readonly string[]): boolean =>
    wanted === undefined || actual.some((each) => wanted.includes(each));
  return (
    among(select.groups, candidate.groupIds) &&
    among(select.tags, candidate.tags) &&
    among(select.productTypes, candidate.productType === null ? [] : [candidate.productType]) &&
    among(select.agents, [candidate.controllerId])
  );
}
