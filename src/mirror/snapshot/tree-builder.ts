import type { EntityManager } from 'typeorm';
import type { Component } from '../catalogue/component.entity.js';
import { componentOfUnit } from '../catalogue/catalogue.repository.js';
import { Manifest } from '../manifest/manifest.js';
import { variantOf, type VariantSuffix } from '../manifest/version.js';
import { CHANNELS, type Channel } from './channel.js';
import { composeChannel, type ComposedChannel, type ReleaseContent, type ReleaseDraft } from './channel-composer.js';
import { leadingUnit, type HeldTree } from './mirror-plan.js';
import type { GroupResult } from './round-input.js';
import type { Release } from './release.entity.js';
import type { NewRelease, Provenance, ReleaseRepository } from './release.repository.js';
import type { ChannelState } from './channel-states.js';

/** A release at which a component stays, with its content; not yet recorded when it was uploaded just now. */
export interface Hold extends ReleaseContent {
  release: Pick<Release, 'version'>;
}

/** What a run brought for one tree of an upstream. */
export interface ReadTree {
  manifest: Manifest;
  groups: GroupResult[];
  /** Shown as the source of its releases. */
  sourceUrl: string;
}

export interface BuildInput {
  components: readonly Component[];
  states: Record<Channel, ChannelState>;
  /** Holds of each channel. */
  holds: Record<Channel, ReadonlyMap<string, Hold>>;
  /** Null: nothing was fetched, everything else stays. */
  global: ReadTree | null;
  /** `derive`: the japan channel follows the global one. Otherwise its own read tree, null when nothing was fetched. */
  japan: 'derive' | ReadTree | null;
  upstreamHosts: string[];
  /** Where content comes from that somebody brought by hand, by component; `derivedFrom` is filled in. */
  provenance?: Record<Channel, ReadonlyMap<string, Provenance>>;
}

/** A mirror that starts with an upload has no upstream manifest to follow. */
const EMPTY_MANIFEST = Buffer.from(
  '[Common]\r\nVersion=1.0\r\n\r\n[Server]\r\nAvailableServer=0\r\n\r\n[PATTERN]\r\n\r\n[ENGINE]\r\n',
  'latin1',
);

export function emptyManifest(): Manifest {
  return Manifest.parse(EMPTY_MANIFEST);
}

/** Units of each variant by their ids, which are in upper case; entries are as somebody typed them. */
function variantUnits(components: readonly Component[]): Map<VariantSuffix, string[]> {
  const map = new Map<VariantSuffix, string[]>();
  for (const component of components)
    for (const variant of component.variants) {
      const suffix = variant as VariantSuffix;
      map.set(suffix, [...(map.get(suffix) ?? []), ...component.entries.map((entry) => entry.toUpperCase())]);
    }
  return map;
}

/** Composes both channels; pure. */
export function buildTrees(input: BuildInput): Record<Channel, ComposedChannel> {
  const units = componentOfUnit(input.components);
  const compose = (
    channel: Channel,
    read: ReadTree | null,
    planHeld: HeldTree | null,
    derive: boolean,
    twin: ComposedChannel | null,
  ): ComposedChannel =>
    composeChannel({
      base: read?.manifest ?? input.states[channel].held?.manifest ?? emptyManifest(),
      groups: read?.groups ?? [],
      held: input.states[channel].held,
      planHeld,
      holds: input.holds[channel],
      componentOfUnit: units,
      variants: derive ? variantUnits(input.components) : new Map(),
      upstreamHosts: input.upstreamHosts,
      twin,
    });
  const globalHeld = input.states.global.held;
  const global = compose('global', input.global, globalHeld, false, null);
  const derive = input.japan === 'derive';
  const japanRead = input.japan === 'derive' ? input.global : input.japan;
  const japan = compose('japan', japanRead, derive ? globalHeld : input.states.japan.held, derive, global);
  return { global, japan };
}

export function versionOfDraft(component: Component, draft: ReleaseDraft, holds: ReadonlyMap<string, Hold>): string {
  return leadingUnit(component.entries, draft.units)?.version ?? holds.get(component.id)?.release.version ?? '';
}

/**
 * Records the releases of composed trees, in the caller's transaction; content that is known stays the release it is.
 * A release of the japan channel that differs from the global one was derived from it, unless japan has an upstream of its own.
 */
export async function recordReleases(
  manager: EntityManager,
  repository: ReleaseRepository,
  input: BuildInput,
  trees: Record<Channel, ComposedChannel>,
  now: Date,
): Promise<Record<Channel, Map<string, string>>> {
  const byId = new Map(input.components.map((component) => [component.id, component]));
  const result: Record<Channel, Map<string, string>> = { global: new Map(), japan: new Map() };
  for (const channel of CHANNELS) {
    const derived = channel === 'japan' && input.japan === 'derive';
    const read = channel === 'global' || input.japan === 'derive' ? input.global : input.japan;
    const stoodIn = new Map(read?.groups.map((group) => [group.componentId, group.stoodIn?.sourceUrl]));
    const news: NewRelease[] = [];
    for (const [componentId, draft] of trees[channel].releases) {
      const component = byId.get(componentId);
      if (component === undefined) continue;
      const version = versionOfDraft(component, draft, input.holds[channel]);
      const given = input.provenance?.[channel].get(componentId);
      const twin = result.global.get(componentId) ?? null;
      if (twin !== null && trees.global.releases.get(componentId)?.digest === draft.digest) {
        result[channel].set(componentId, twin);
        continue;
      }
      const parent = derived ? twin : null;
      const provenance: Provenance =
        given === undefined
          ? {
              origin: parent === null ? 'mirrored' : 'derived',
              derivedFrom: parent,
              source: stoodIn.get(componentId) ?? read?.sourceUrl ?? null,
              createdBy: null,
            }
          : { ...given, derivedFrom: given.origin === 'derived' ? twin : null };
      news.push({ draft, version, variant: variantOf(version, component.numbering), provenance });
    }
    const ids = await repository.findOrCreate(manager, news, now);
    news.forEach(({ draft }, at) => result[channel].set(draft.componentId, ids[at] ?? ''));
  }
  return result;
}
