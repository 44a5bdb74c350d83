import { compareVersions, type Numbering } from '../../mirror/manifest/version.js';
import { agentLicenceCovers, type FleetMember } from '../agents/agents.api.js';

/** What is to be deployed of one component. */
export interface WantedRelease {
  componentId: string;
  releaseId: string;
  /** Raw. */
  version: string;
  variant: string | null;
  channel: string;
  numbering: Numbering;
  /** Name of the licence that a product needs for it. */
  licence: string;
  /** The licences of the site cover it. */
  siteLicensed: boolean;
  /** A person named this very release, or rolled the channel back to it: an older version is meant. */
  olderToo: boolean;
}

/** Why a component is not deployed to a product, or what is worth knowing when it is. */
export type SkipReason =
  | 'agent-blocked'
  | 'agent-pending'
  | 'not-supported'
  | 'not-licensed'
  | 'already-current'
  | 'other-variant'
  | 'newer-installed'
  | 'no-ring';
export type Note = 'first-version' | 'older-version' | 'variant-changes';

export interface ComponentDecision {
  componentId: string;
  action: 'deploy' | 'skip';
  reason: SkipReason | null;
  notes: Note[];
  /** As the product reported it; null: it did not. */
  versionBefore: string | null;
}

/** A product names the components that it takes by capabilities of this form; one without any takes all. */
const TAKES = 'component-';

/** Decides for one product and one component; pure, so that a preview and the order agree. */
export function decide(
  member: FleetMember,
  wanted: WantedRelease,
  order: { force: boolean; now: Date },
): ComponentDecision {
  const installed = member.components.find(({ id }) => id === wanted.componentId);
  const versionBefore = installed?.version ?? null;
  const skip = (reason: SkipReason): ComponentDecision => ({
    componentId: wanted.componentId,
    action: 'skip',
    reason,
    notes: [],
    versionBefore,
  });
  if (member.approval === 'blocked') return skip('agent-blocked');
  if (member.approval === 'pending') return skip('agent-pending');
  const taken = member.capabilities.filter((capability) => capability.startsWith(TAKES));
  if (taken.length > 0 && !taken.includes(TAKES + wanted.componentId)) return skip('not-supported');
  if (!(agentLicenceCovers(member.licences, wanted.licence, order.now) ?? wanted.siteLicensed))
    return skip('not-licensed');
  const deploy = (...notes: Note[]): ComponentDecision => ({
    componentId: wanted.componentId,
    action: 'deploy',
    reason: null,
    notes,
    versionBefore,
  });
  if (installed === undefined) return deploy('first-version');
  const changes: Note[] = differs(installed.variant, wanted.variant) ? ['variant-changes'] : [];
  const comparison = compareVersions(installed.rawVersion, wanted.version, wanted.numbering);
  if (comparison === 0) {
    if (order.force) return deploy(...changes);
    return skip(changes.length > 0 ? 'other-variant' : 'already-current');
  }
  if (comparison < 0) return deploy(...changes);
  return order.force || wanted.olderToo ? deploy('older-version', ...changes) : skip('newer-installed');
}

/** Variants differ only where both are known: a component without variants has none on either side. */
function differs(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}

/**
 * One reason for a product of which every component is skipped: the one that a person can do something about, before
 * "already current".
 */
export function leadingReason(decisions: readonly ComponentDecision[]): SkipReason {
  const reasons = decisions.map(({ reason }) => reason).filter((reason) => reason !== null);
  return reasons.find((reason) => reason !== 'already-current') ?? reasons[0] ?? 'already-current';
}
