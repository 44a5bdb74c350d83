import type { Component } from '../catalogue/component.entity.js';
import type { ManifestUnit } from '../manifest/manifest.js';
import type { Channel } from './channel.js';
import type { ComposedChannel } from './channel-composer.js';
import { leadingUnit, type GroupFault } from './mirror-plan.js';
import type { GroupResult } from './mirror-run.js';
import type { Release } from './release.entity.js';
import { versionOfDraft, type BuildInput } from './tree-builder.js';

/**
 * How a run ended for one component: `updated`, `unchanged`, `failed` (it keeps what it had), `not-carried` by the source,
 * `held` (rolled back or uploaded: a person decided), `left-out` of this run, or `not-selected` for mirroring at all.
 */
export type OutcomeKind = 'updated' | 'unchanged' | 'failed' | 'not-carried' | 'held' | 'left-out' | 'not-selected';

export interface ComponentOutcome {
  /** Component id, or the manifest entry that no component claims. */
  id: string;
  outcome: OutcomeKind;
  /** Raw versions. */
  versionBefore: string | null;
  versionAfter: string | null;
  /** What the source offers; null when it does not carry the component. */
  offered: string | null;
  error: GroupFault | null;
  /** Content of it that was lost on our disk was fetched again; the release is the same. */
  restored?: true;
}

export interface OutcomeInput {
  components: readonly Component[];
  groups: readonly GroupResult[];
  /** Raw versions, by component id, or by the entry that no component claims. */
  before: ReadonlyMap<string, string>;
  after: ReadonlyMap<string, string>;
  held: ReadonlySet<string>;
  /** Whether the run was meant to bring a component up to date. */
  takesPart: (component: Component) => boolean;
  /** Releases that exist before and after the run, by component. */
  changed: ReadonlySet<string>;
  /** Components of which content was lost, and fetched again. */
  restored?: ReadonlySet<string>;
}

function kindOf(input: OutcomeInput, component: Component, group: GroupResult | undefined): OutcomeKind {
  if (group === undefined && input.held.has(component.id)) return 'held';
  // A tree that was not read again keeps everything that it has.
  if (group === undefined)
    return input.groups.length === 0 && input.after.has(component.id) ? 'unchanged' : 'not-carried';
  if (group.fault !== null) return 'failed';
  if (input.changed.has(component.id)) return 'updated';
  if (input.held.has(component.id)) return 'held';
  if (group.action === 'same' && !input.takesPart(component)) return 'left-out';
  switch (group.action) {
    case 'drop':
      return 'not-selected';
    case 'earlier':
      return 'left-out';
    case 'same':
    case 'fetch':
      return 'unchanged';
  }
}

/** One outcome per component, then one per entry without a component that failed. */
export function outcomesOf(input: OutcomeInput): ComponentOutcome[] {
  const byComponent = new Map(input.groups.map((group) => [group.componentId, group]));
  const offeredBy = (entries: string[], units: ManifestUnit[]): string | null =>
    leadingUnit(entries, units)?.version ?? null;
  const named = input.components.map((component): ComponentOutcome => {
    const group = byComponent.get(component.id);
    return {
      id: component.id,
      outcome: kindOf(input, component, group),
      versionBefore: input.before.get(component.id) ?? null,
      versionAfter: input.after.get(component.id) ?? null,
      offered: group === undefined ? null : offeredBy(component.entries, group.units),
      error: group?.fault ?? null,
      ...(input.restored?.has(component.id) ? { restored: true } : {}),
    };
  });
  const unclaimed = input.groups
    .filter((group) => group.componentId === null && group.fault !== null)
    .map((group): ComponentOutcome => {
      const offered = group.units[0]?.version ?? null;
      const versionBefore = input.before.get(group.key) ?? null;
      const versionAfter = input.after.get(group.key) ?? null;
      return { id: group.key, outcome: 'failed', versionBefore, versionAfter, offered, error: group.fault };
    });
  return [...named, ...unclaimed];
}

/** What a run has built, beside what was in force before it. */
export interface BuiltRun {
  build: BuildInput;
  trees: Record<Channel, ComposedChannel>;
  /** Releases of the global channel before the run. */
  current: readonly Release[];
  takesPart: ReadonlySet<string>;
  /** False: every channel stays as it is. */
  published: boolean;
  /** Contents that were in force and lost when the run began. */
  missing: ReadonlySet<string>;
}

/** The same for a build: what the japan channel's own source lacked is told where the global one was fine. */
export function outcomesOfBuild({
  build,
  trees,
  current,
  takesPart,
  published,
  missing,
}: BuiltRun): ComponentOutcome[] {
  const before = new Map(current.map((release) => [release.componentId, release.version]));
  const digests = new Map(current.map((release) => [release.componentId, release.contentDigest]));
  const after = new Map<string, string>();
  const changed = new Set<string>();
  for (const component of build.components) {
    const draft = trees.global.releases.get(component.id);
    if (draft === undefined) continue;
    after.set(component.id, versionOfDraft(component, draft, build.holds.global));
    if (published && digests.get(component.id) !== draft.digest) changed.add(component.id);
  }
  const groups = [...(build.global?.groups ?? [])];
  if (build.japan !== 'derive')
    for (const group of build.japan?.groups ?? []) {
      if (group.fault === null) continue;
      const twin = groups.findIndex((each) => each.key === group.key);
      if (twin === -1) groups.push(group);
      else if (groups[twin]?.fault === null) groups[twin] = { ...groups[twin], fault: group.fault };
    }
  for (const { componentId, fault, key } of groups) {
    if (componentId !== null || fault === null) continue;
    // What failed keeps what it had.
    const version = build.states.global.held?.manifest.units.get(key)?.version ?? null;
    if (version !== null) for (const versions of [before, after]) versions.set(key, version);
  }
  const wasLost = ({ key }: { key: string }): boolean =>
    missing.has(build.states.global.held?.files.get(key)?.sha256 ?? '');
  const restored = groups.filter(
    ({ action, fault, units }) =>
      action === 'fetch' && fault === null && units.some(({ files }) => files.some(wasLost)),
  );
  return outcomesOf({
    components: build.components,
    restored: new Set(restored.flatMap(({ componentId }) => componentId ?? [])),
    takesPart: ({ id }) => takesPart.has(id),
    groups,
    before,
    after,
    changed,
    held: new Set(build.holds.global.keys()),
  });
}
