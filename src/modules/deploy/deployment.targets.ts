import type { FleetMember } from '../agents/agents.api.js';
import type { TargetRevision } from '../commands/commands.api.js';
import type { PartKind } from './deployment.entity.js';
import type { PlanDefinition } from './plan.definition.js';
import { assignRings, ringOfLateJoiner, type Candidate } from './ring-assignment.js';
import {
  decide,
  leadingReason,
  type ComponentDecision,
  type SkipReason,
  type WantedRelease,
} from './target-decision.js';

/** A product with what rings ask about it. */
export interface Product {
  member: FleetMember;
  /** Its group and the groups above it. */
  groupIds: readonly string[];
  reachable: boolean;
}

export interface PlannedTarget {
  controllerId: string;
  action: 'deploy' | 'skip';
  reason: SkipReason | null;
  /** null: skipped. */
  ring: number | null;
  components: ComponentDecision[];
}

/** What of an order follows one plan in one command. */
export interface PartOrder {
  kind: PartKind;
  plan: PlanDefinition;
  releases: WantedRelease[];
}

/** Engines apart from the rest, where they have a plan of their own and both are there. */
export function splitParts(
  releases: readonly WantedRelease[],
  isEngine: (componentId: string) => boolean,
  plan: PlanDefinition,
  engines: PlanDefinition | null,
): PartOrder[] {
  if (engines === null) return [{ kind: 'all', plan, releases: [...releases] }];
  const parts: PartOrder[] = [
    { kind: 'patterns', plan, releases: releases.filter(({ componentId }) => !isEngine(componentId)) },
    { kind: 'engines', plan: engines, releases: releases.filter(({ componentId }) => isEngine(componentId)) },
  ];
  return parts.filter((part) => part.releases.length > 0);
}

/** Every product of the selection with its fate and its ring. */
export function planTargets(
  part: PartOrder,
  products: readonly Product[],
  order: { force: boolean; now: Date },
): PlannedTarget[] {
  const decided = products.map((product) => ({ product, decisions: decideAll(part, product, order) }));
  const candidates = decided.filter(({ decisions }) => wanted(decisions)).map(({ product }) => candidateOf(product));
  const rings = assignRings(part.plan.rings, candidates);
  return decided.map(({ product, decisions }) => {
    const { controllerId } = product.member;
    return wanted(decisions)
      ? inRing(controllerId, decisions, rings.get(controllerId) ?? null)
      : skipped(controllerId, decisions, leadingReason(decisions));
  });
}

/** One product that comes into the selection later; null when there is nothing for it in this deployment. */
export function planLateJoiner(
  part: PartOrder,
  product: Product,
  order: { force: boolean; now: Date },
): PlannedTarget | null {
  const decisions = decideAll(part, product, order);
  const ring = ringOfLateJoiner(part.plan.rings, candidateOf(product));
  return wanted(decisions) && ring !== null ? inRing(product.member.controllerId, decisions, ring) : null;
}

/** A product whose turn has come, looked at anew: what was to be deployed to it may have come about meanwhile. */
export function reconsider(part: PartOrder, member: FleetMember, order: { force: boolean; now: Date }): TargetRevision {
  const decisions = part.releases.map((release) => decide(member, release, order));
  const due = decisions.filter(({ action }) => action === 'deploy');
  return {
    controllerId: member.controllerId,
    components: due.map(({ componentId }) => componentId),
    reason: leadingReason(decisions),
    versions: Object.fromEntries(decisions.map(({ componentId, versionBefore }) => [componentId, versionBefore])),
  };
}

function decideAll(part: PartOrder, product: Product, order: { force: boolean; now: Date }): ComponentDecision[] {
  return part.releases.map((release) => decide(product.member, release, order));
}

function wanted(decisions: readonly ComponentDecision[]): boolean {
  return decisions.some(({ action }) => action === 'deploy');
}

function candidateOf({ member, groupIds, reachable }: Product): Candidate {
  const { controllerId, tags, productType } = member;
  return { controllerId, groupIds, tags, productType, reachable };
}

function skipped(controllerId: string, components: ComponentDecision[], reason: SkipReason): PlannedTarget {
  return { controllerId, action: 'skip', reason, ring: null, components };
}

function inRing(controllerId: string, components: ComponentDecision[], ring: number | null): PlannedTarget {
  return ring === null
    ? skipped(controllerId, components, 'no-ring')
    : { controllerId, action: 'deploy', reason: null, ring, components };
}

/** A plan that keeps nobody back: its targets need no ring of their own in the database. */
export function letsEverybodyThrough({ rings }: Pick<PlanDefinition, 'rings'>): boolean {
  const [ring] = rings;
  if (ring === undefined || rings.length !== 1 || ring.start.kind !== 'at-once') return false;
  const { all, percent, count, groups, tags, productTypes, agents } = ring.select;
  const filters = [count, groups, tags, productTypes, agents].every((each) => each === undefined);
  return all === true && filters && (percent ?? 100) >= 100 && ring.concurrency === null && ring.ratePerMinute === null;
}
