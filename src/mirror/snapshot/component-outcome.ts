import type { Component } from '../catalogue/component.entity.js';
import type { ManifestUnit } from '../manifest/manifest.js';
import { CHANNELS, type Channel } from './channel.js';
import type { ComposedChannel } from './channel-composer.js';
import { leadingUnit, type GroupFault } from './mirror-plan.js';
import type { GroupResult } from './round-input.js';
import type { Release } from './release.entity.js';
import { versionOfDraft, type BuildInput, type ReadTree } from './tree-builder.js';

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
  /** What the source offers; null when it does not carry the component, and when it was not read. */
  offered: string | null;
  error: GroupFault | null;
  /** For people: the source of its files, where that is another than the one whose manifest was read. */
  source?: string;
  /** Content of it that was lost on our disk was fetched again; the release is the same. */
  restored?: true;
  /** When each channel has sources of its own: those in which it was updated, or failed, as `outcome` says. */
  channels?: Channel[];
  /** The channels in which another release came into force, also when it failed in the other one. */
  changed?: Partial<Record<Channel, VersionChange>>;
}

/** Raw versions. */
export type VersionChange = Pick<ComponentOutcome, 'versionBefore' | 'versionAfter'>;

/** What a run learnt of a component at a source. */
export type Offer = Pick<ComponentOutcome, 'id' | 'offered' | 'error'>;

/** By channel whose sources were read; of the others nothing was learnt. */
export type Offers = Partial<Record<Channel, Offer[]>>;

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

function offeredBy(entries: string[], units: ManifestUnit[]): string | null {
  return leadingUnit(entries, units)?.version ?? null;
}

/** The outcomes in one channel: one per component, then one per entry without a component that failed. */
export function outcomesOf(input: OutcomeInput): ComponentOutcome[] {
  const byComponent = new Map(input.groups.map((group) => [group.componentId, group]));
  const named = input.components.map((component): ComponentOutcome => {
    const group = byComponent.get(component.id);
    return {
      id: component.id,
      outcome: kindOf(input, component, group),
      versionBefore: input.before.get(component.id) ?? null,
      versionAfter: input.after.get(component.id) ?? null,
      offered: group === undefined ? null : offeredBy(component.entries, group.units),
      error: group?.fault ?? null,
      ...(group?.action === 'fetch' && group.stoodIn !== undefined ? { source: group.stoodIn.sourceUrl } : {}),
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
  /** Releases of each channel before the run. */
  current: Record<Channel, readonly Release[]>;
  takesPart: ReadonlySet<string>;
  /** False: every channel stays as it is. */
  published: boolean;
  /** Contents that were in force and lost when the run began. */
  missing: ReadonlySet<string>;
}

/** What was read for a channel; a japan channel that is derived follows what was read for the global one. */
function readFor({ global, japan }: BuildInput, channel: Channel): ReadTree | null {
  return channel === 'global' || japan === 'derive' ? global : japan;
}

function outcomesIn(
  { build, trees, current, takesPart, published, missing }: BuiltRun,
  channel: Channel,
): ComponentOutcome[] {
  const before = new Map(current[channel].map((release) => [release.componentId, release.version]));
  const digests = new Map(current[channel].map((release) => [release.componentId, release.contentDigest]));
  const after = new Map<string, string>();
  const changed = new Set<string>();
  for (const component of build.components) {
    const draft = trees[channel].releases.get(component.id);
    if (draft === undefined) continue;
    after.set(component.id, versionOfDraft(component, draft, build.holds[channel]));
    if (published && digests.get(component.id) !== draft.digest) changed.add(component.id);
  }
  const groups = readFor(build, channel)?.groups ?? [];
  for (const { componentId, fault, key } of groups) {
    if (componentId !== null || fault === null) continue;
    // What failed keeps what it had.
    const version = build.states[channel].held?.manifest.units.get(key)?.version ?? null;
    if (version !== null) for (const versions of [before, after]) versions.set(key, version);
  }
  const held = build.states[build.japan === 'derive' ? 'global' : channel].held;
  const wasLost = ({ key }: { key: string }): boolean => missing.has(held?.files.get(key)?.sha256 ?? '');
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
    held: new Set(build.holds[channel].keys()),
  });
}

/**
 * One outcome out of those in the channels, the channel that comes first before the other: that of the channel in which it
 * failed, else of the one in which it changed, else of the one in which a person holds it back, else of one that carries it.
 */
function merged(inChannels: readonly [Channel, ComponentOutcome][], apart: boolean): ComponentOutcome[] {
  const outcomes = inChannels.map(([, outcome]) => outcome);
  const told =
    outcomes.find(({ error }) => error !== null) ??
    outcomes.find(({ outcome }) => outcome === 'updated') ??
    outcomes.find(({ outcome }) => outcome === 'held') ??
    outcomes.find(({ outcome }) => outcome !== 'not-carried') ??
    outcomes[0];
  if (told === undefined) return [];
  const news = inChannels.filter(([, { outcome }]) => outcome === 'updated');
  const changed = news.map(([channel, { versionBefore, versionAfter }]) => [channel, { versionBefore, versionAfter }]);
  const alike = inChannels.filter(([, { outcome }]) => outcome === told.outcome).map(([channel]) => channel);
  const isNews = told.outcome === 'failed' || told.outcome === 'updated';
  return [
    {
      ...told,
      ...(apart && isNews ? { channels: alike } : {}),
      ...(outcomes.some(({ restored }) => restored) ? { restored: true } : {}),
      ...(news.length > 0 ? { changed: Object.fromEntries(changed) as ComponentOutcome['changed'] } : {}),
    },
  ];
}

/** How a run that built both channels ended for each component, whichever channel it concerns. */
export function outcomesOfBuild(run: BuiltRun): ComponentOutcome[] {
  // A channel of which nothing was read has little to tell.
  const channels = run.build.global === null ? [...CHANNELS].reverse() : CHANNELS;
  const byId = new Map<string, [Channel, ComponentOutcome][]>(run.build.components.map(({ id }) => [id, []]));
  for (const channel of channels)
    for (const outcome of outcomesIn(run, channel))
      byId.set(outcome.id, [...(byId.get(outcome.id) ?? []), [channel, outcome]]);
  return [...byId.values()].flatMap((inChannels) => merged(inChannels, run.build.japan !== 'derive'));
}

/** What the sources offer, as far as this run has asked them. */
export function offersOf(build: BuildInput): Offers {
  const offersIn = ({ groups }: ReadTree): Offer[] => {
    const byComponent = new Map(groups.map((group) => [group.componentId, group]));
    return build.components.map(({ id, entries }) => {
      const group = byComponent.get(id);
      return { id, offered: group === undefined ? null : offeredBy(entries, group.units), error: group?.fault ?? null };
    });
  };
  return {
    ...(build.global === null ? {} : { global: offersIn(build.global) }),
    ...(build.japan === null || build.japan === 'derive' ? {} : { japan: offersIn(build.japan) }),
  };
}
