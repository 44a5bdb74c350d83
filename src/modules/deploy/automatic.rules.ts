import { compareVersions, type Numbering } from '../../mirror/manifest/version.js';
import type { Channel } from '../../mirror/snapshot/channel.js';
import type { ComponentOutcome, VersionChange } from '../../mirror/snapshot/component-outcome.js';
import type { DeploymentSetting } from './deployment.settings.js';
import type { Binding } from './plan.definition.js';

/** A component that a download brought up to date. */
export interface UpdatedComponent extends VersionChange {
  id: string;
  numbering: Numbering;
}

/** What a download changed of a component in the channel that is deployed from; null: nothing. */
export function changeIn(channel: Channel, outcome: ComponentOutcome): VersionChange | null {
  const { changed, versionBefore, versionAfter } = outcome;
  if (changed !== undefined) return changed[channel] ?? null;
  // A download of an earlier version of this server, which did not tell the channels apart.
  return outcome.outcome === 'updated' ? { versionBefore, versionAfter } : null;
}

export interface BoundPlan {
  id: string;
  boundTo: Binding;
  components: string[] | null;
  enginePlanId: string | null;
}

/** One deployment that follows a download. */
export interface AutomaticOrder {
  components: string[];
  /** null: everybody at once. */
  planId: string | null;
  enginePlanId: string | null;
}

/**
 * What follows a download; pure. A component goes by the bound plan that names it, else by the one bound to all, else by
 * the setting.
 */
export function ordersAfterDownload(
  updated: readonly UpdatedComponent[],
  plans: readonly BoundPlan[],
  setting: DeploymentSetting,
): AutomaticOrder[] {
  const bound = plans.filter(({ boundTo }) => boundTo !== 'none');
  const claimed = new Map<BoundPlan | null, UpdatedComponent[]>();
  for (const component of updated) {
    const plan =
      bound.find(({ components }) => components?.includes(component.id)) ??
      bound.find(({ components }) => components === null) ??
      null;
    claimed.set(plan, [...(claimed.get(plan) ?? []), component]);
  }
  return [...claimed]
    .map(([plan, components]) => (plan === null ? bySetting(components, setting) : byPlan(components, plan)))
    .filter(({ components }) => components.length > 0);
}

function byPlan(components: readonly UpdatedComponent[], plan: BoundPlan): AutomaticOrder {
  const due = plan.boundTo === 'new-updates' ? components.filter(isNewer) : components;
  const byRings = plan.boundTo !== 'immediately';
  return { components: ids(due), planId: byRings ? plan.id : null, enginePlanId: byRings ? plan.enginePlanId : null };
}

function bySetting(components: readonly UpdatedComponent[], setting: DeploymentSetting): AutomaticOrder {
  const { planId, enginePlanId } = setting;
  switch (setting.afterDownload) {
    case 'do-not-deploy':
      return { components: [], planId: null, enginePlanId: null };
    case 'immediately':
      return { components: ids(components), planId: null, enginePlanId };
    case 'by-plan':
      return { components: ids(components), planId, enginePlanId };
    case 'when-new':
      return { components: ids(components.filter(isNewer)), planId, enginePlanId };
  }
}

/** Not a re-issue of the same number, nor an older one because the source withdrew its newest. */
function isNewer({ versionBefore, versionAfter, numbering }: UpdatedComponent): boolean {
  if (versionAfter === null) return false;
  return versionBefore === null || compareVersions(versionAfter, versionBefore, numbering) > 0;
}

function ids(components: readonly UpdatedComponent[]): string[] {
  return components.map(({ id }) => id);
}
