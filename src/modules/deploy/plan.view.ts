import { DEFAULT_GATE, type PlanDefinition, type Ring } from './plan.definition.js';
import type { PlanBody, RingBody } from './plan.dto.js';
import type { DeploymentPlan } from './plan.entity.js';

export interface PlanView extends PlanDefinition {
  id: string;
  name: string;
  engines: string | null;
  boundTo: string;
  components: string[] | null;
  builtIn: boolean;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

/** The plan that a checked body means; what may be left out gets its default. */
export function definitionOf(body: Pick<PlanBody, 'rings' | 'pauseWhen' | 'lateJoiners'>): PlanDefinition {
  return {
    rings: body.rings.map(ringOf),
    pauseWhen: { failedShare: body.pauseWhen?.failedShare ?? null, timeouts: body.pauseWhen?.timeouts ?? null },
    lateJoiners: body.lateJoiners ?? true,
  };
}

function ringOf(body: RingBody): Ring {
  return {
    name: body.name,
    select: selectOf(body),
    start: startOf(body),
    concurrency: body.concurrency ?? null,
    ratePerMinute: body.ratePerMinute ?? null,
    gate: {
      successShare: body.gate?.successShare ?? DEFAULT_GATE.successShare,
      endedShare: body.gate?.endedShare ?? DEFAULT_GATE.endedShare,
      soakMinutes: body.gate?.soakMinutes ?? DEFAULT_GATE.soakMinutes,
      approval: body.gate?.approval ?? DEFAULT_GATE.approval,
    },
  };
}

/** Ids of groups as the database writes them: they are compared with those of products. */
function selectOf({ select: { groups, ...select } }: RingBody): Ring['select'] {
  return { ...select, ...(groups === undefined ? {} : { groups: groups.map((id) => id.toLowerCase()) }) };
}

/** A missing start stays missing: the rules refuse it with their own words. */
function startOf({ start }: RingBody): Ring['start'] {
  switch (start?.kind) {
    case 'delay':
      return { kind: 'delay', minutes: start.minutes ?? 0 };
    case 'local-time':
      return { kind: 'local-time', time: start.time ?? '', timeZone: start.timeZone ?? '' };
    case 'at-once':
      return { kind: 'at-once' };
    case undefined:
      return undefined as unknown as Ring['start'];
  }
}

export function planView(plan: DeploymentPlan): PlanView {
  return {
    id: plan.id,
    name: plan.name,
    rings: plan.rings,
    pauseWhen: plan.pauseWhen,
    lateJoiners: plan.lateJoiners,
    engines: plan.enginePlanId,
    boundTo: plan.boundTo,
    components: plan.components,
    builtIn: plan.builtIn,
    createdAt: plan.createdAt.toISOString(),
    createdBy: plan.createdBy,
    updatedAt: plan.updatedAt.toISOString(),
    updatedBy: plan.updatedBy,
  };
}
