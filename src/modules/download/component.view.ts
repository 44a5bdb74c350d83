import type { Component, SignaturePolicy } from '../../mirror/catalogue/component.entity.js';
import { sameInAll, type Sentence } from '../../platform/texts/texts.js';
import { compareVersions, displayVersion } from '../../mirror/manifest/version.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import type { Availability } from './availability.repository.js';

/** A component as the API shows it. Versions are as people read them; `rawVersion` is the manifest's text. */
export interface ComponentView {
  id: string;
  names: { ja: string; en: string };
  kind: string;
  numbering: string;
  entries: string[];
  licence: string;
  restarts: string[];
  /** Whether a new file may be published without a signature where those before it had one: `as-before` (no), `optional`. */
  signatures: SignaturePolicy;
  cadence: unknown;
  carriedByControlManager: boolean;
  builtIn: boolean;
  current: CurrentView | null;
  /** The same for every channel. */
  channels: Record<string, CurrentView | null>;
  /** What the source of the channel offers: the japan channel's own one where it has one, else the global one. */
  available: {
    state: 'version' | 'unknown' | 'not-carried';
    version: string | null;
    rawVersion: string | null;
    reason: string | null;
    /** English; `text` says the same in every language. */
    detail: string | null;
    text: Sentence | null;
    since: string | null;
  };
  updateNeeded: boolean;
  /** Whether the selection of the update source has it: what is not selected is not mirrored, and needs no update. */
  selected: boolean;
  scheduled: boolean;
  licensed: boolean;
  rolledBack: boolean;
}

export interface CurrentView {
  version: string;
  rawVersion: string;
  variant: string | null;
  releaseId: string;
  channel: string;
  origin: string;
  derivedFrom: string | null;
  releasedAt: string;
}

function currentView(component: Component, release: Release | undefined, channel: string): CurrentView | null {
  if (release === undefined) return null;
  return {
    version: displayVersion(release.version, component.numbering),
    rawVersion: release.version,
    variant: release.variant,
    releaseId: release.id,
    channel,
    origin: release.origin,
    derivedFrom: release.derivedFrom,
    releasedAt: release.createdAt.toISOString(),
  };
}

function availableView(component: Component, known: Availability | undefined): ComponentView['available'] {
  if (component.entries.length === 0 && (known === undefined || known.state !== 'version'))
    return {
      state: 'not-carried',
      version: '0.0',
      rawVersion: null,
      reason: 'no-manifest-entry',
      detail: null,
      text: null,
      since: component.createdAt.toISOString(),
    };
  if (known === undefined)
    return {
      state: 'unknown',
      version: null,
      rawVersion: null,
      reason: 'never-checked',
      detail: null,
      text: null,
      since: component.createdAt.toISOString(),
    };
  const shown = known.version === null ? null : displayVersion(known.version, component.numbering);
  return {
    state: known.state,
    version: known.state === 'not-carried' ? '0.0' : known.state === 'unknown' ? null : shown,
    rawVersion: known.state === 'version' ? known.version : null,
    reason: known.reason,
    detail: known.detail,
    text: known.text ?? (known.detail === null ? null : sameInAll(known.detail)),
    since: known.since.toISOString(),
  };
}

export function componentView(input: {
  component: Component;
  releases: Record<string, Release | undefined>;
  channel: string;
  availability: Availability | undefined;
  licensed: boolean;
  selected: boolean;
  rolledBack: boolean;
}): ComponentView {
  const { component, releases, availability } = input;
  const channels = Object.fromEntries(
    Object.entries(releases).map(([channel, release]) => [channel, currentView(component, release, channel)]),
  );
  const current = channels[input.channel] ?? null;
  const offered = availability?.state === 'version' ? availability.version : null;
  return {
    id: component.id,
    names: { ja: component.nameJa, en: component.nameEn },
    kind: component.kind,
    numbering: component.numbering,
    entries: component.entries,
    licence: component.licence,
    restarts: component.restarts,
    signatures: component.signatures,
    cadence: component.cadence,
    carriedByControlManager: component.carriedByControlManager,
    builtIn: component.builtIn,
    current,
    channels,
    available: availableView(component, availability),
    updateNeeded:
      input.selected &&
      offered !== null &&
      (current === null || compareVersions(offered, current.rawVersion, component.numbering) > 0),
    selected: input.selected,
    scheduled: component.scheduled,
    licensed: input.licensed,
    rolledBack: input.rolledBack,
  };
}
