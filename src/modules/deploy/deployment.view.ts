import { displayVersion, type Numbering } from '../../mirror/manifest/version.js';
import { isTextKey, texts, type Language } from '../../platform/texts/texts.js';
import type { StateCounts } from '../commands/commands.api.js';
import {
  PART_URGENCY,
  type DeploymentPart,
  type DeploymentRing,
  type ListedDeployment,
  type PartState,
  type SelectionCounts,
} from './deployment.entity.js';
import { gateStanding, opensAt, type GateStanding, type RingCounts, type RingStanding } from './ring.engine.js';

export interface ReasonView {
  code: string;
  text: Record<Language, string>;
}

export interface RingView {
  position: number;
  name: string;
  state: 'waiting' | 'open' | 'passed';
  select: unknown;
  start: unknown;
  concurrency: number | null;
  ratePerMinute: number | null;
  /** When it opens; null while the gate before it is shut, and after it has opened. */
  opensAt: string | null;
  openedAt: string | null;
  passedAt: string | null;
  approvedAt: string | null;
  approvedBy: string | null;
  counts: RingCounts;
  gate: {
    successShare: number;
    endedShare: number;
    soakMinutes: number;
    approval: boolean;
    total: number;
    ended: number;
    share: number | null;
    met: boolean;
    blockedBy: ReasonView | null;
    soakUntil: string | null;
  };
}

export interface PartView {
  part: string;
  commandId: string;
  state: PartState;
  reason: ReasonView | null;
  since: string;
  changedBy: string;
  pauseWhen: unknown;
  lateJoiners: boolean;
  counts: StateCounts;
  rings: RingView[];
}

export interface DeploymentSummaryView {
  id: string;
  commandId: string | null;
  commandIds: string[];
  createdAt: string;
  createdBy: string;
  trigger: string;
  downloadId: string | null;
  plan: { id: string; name: string | null } | null;
  releases: {
    component: string;
    releaseId: string;
    version: string;
    rawVersion: string;
    variant: string | null;
    channel: string;
  }[];
  mode: unknown;
  window: unknown;
  force: boolean;
  state: PartState;
  /** Why it stands where it stands, and what to do. */
  reason: ReasonView | null;
  since: string | null;
  endedAt: string | null;
  counts: StateCounts | null;
}

export interface ListedDeploymentView extends DeploymentSummaryView {
  /** How many agents, groups, tags and product types were named; the deployment itself has the names. null: it was forgotten just now. */
  targetCounts: SelectionCounts | null;
}

export interface DeploymentView extends DeploymentSummaryView {
  targets: unknown;
  /** Of the first part: patterns before engines. */
  rings: RingView[];
  parts: PartView[];
}

export function reasonView(code: string | null, values: Record<string, unknown> = {}): ReasonView | null {
  if (code === null) return null;
  const key = `deploy.${code}`;
  return { code, text: isTextKey(key) ? texts(key, () => shown(values)) : { ja: code, en: code } };
}

/** Shares as percentages, rings counted from one. */
function shown(values: Record<string, unknown>): Record<string, unknown> {
  const asText = ([key, value]: [string, unknown]): [string, unknown] => {
    if (key === 'ring' && typeof value === 'number') return [key, value + 1];
    if (typeof value === 'number' && value <= 1 && (key === 'measured' || key === 'limit'))
      return [key, `${Math.round(value * 100)} %`];
    return [key, value];
  };
  return Object.fromEntries(Object.entries(values).map(asText));
}

function leading(parts: readonly DeploymentPart[]): DeploymentPart | undefined {
  return [...parts].sort((a, b) => PART_URGENCY.indexOf(a.state) - PART_URGENCY.indexOf(b.state))[0];
}

export function partReason(part: DeploymentPart): ReasonView | null {
  const details = part.reasonDetails;
  const values = { ...details, name: part.rings[Number(details['ring'])]?.name, actor: part.changedBy };
  // A time-out count is a number of products, not a share.
  const counted =
    part.reason === 'too-many-timeouts'
      ? { measured: String(details['measured']), limit: String(details['limit']) }
      : {};
  const key = part.reason === 'by-person' ? `${part.state}-by-person` : part.reason;
  return reasonView(key, { ...values, ...counted });
}

export function summaryView(
  deployment: ListedDeployment,
  parts: readonly DeploymentPart[],
  counts: StateCounts | null,
  numberings: ReadonlyMap<string, Numbering>,
): DeploymentSummaryView {
  const first = leading(parts);
  return {
    id: deployment.id,
    commandId: parts[0]?.commandId ?? null,
    commandIds: parts.map(({ commandId }) => commandId),
    createdAt: deployment.createdAt.toISOString(),
    createdBy: deployment.createdBy,
    trigger: deployment.trigger,
    downloadId: deployment.downloadId,
    plan: deployment.planId === null ? null : { id: deployment.planId, name: deployment.planName },
    releases: deployment.releases.map(({ componentId, releaseId, version, variant, channel }) => ({
      component: componentId,
      releaseId,
      version: displayVersion(version, numberings.get(componentId) ?? 'integer'),
      rawVersion: version,
      variant,
      channel,
    })),
    mode: deployment.mode,
    window: deployment.window,
    force: deployment.forced,
    state: first?.state ?? 'finished',
    reason: first === undefined ? null : partReason(first),
    since: first?.since.toISOString() ?? null,
    endedAt: deployment.endedAt?.toISOString() ?? null,
    counts,
  };
}

export function partView(
  part: DeploymentPart,
  rings: readonly DeploymentRing[],
  standings: readonly RingStanding[],
  counts: StateCounts,
  now: Date,
): PartView {
  return {
    part: part.kind,
    commandId: part.commandId,
    state: part.state,
    reason: partReason(part),
    since: part.since.toISOString(),
    changedBy: part.changedBy,
    pauseWhen: part.pauseWhen,
    lateJoiners: part.lateJoiners,
    counts,
    rings: rings.flatMap((ring, position) => {
      const standing = standings[position];
      return standing === undefined ? [] : [ringView(part, ring, standing, now)];
    }),
  };
}

function ringView(part: DeploymentPart, row: DeploymentRing, standing: RingStanding, now: Date): RingView {
  const ring = part.rings[row.position];
  if (ring === undefined) throw new Error('a ring that its plan does not have');
  const gate = gateStanding(ring.gate, standing, now);
  const opens = row.state === 'waiting' && row.eligibleAt !== null ? opensAt(ring, row.eligibleAt, part.basisAt) : null;
  return {
    position: row.position,
    name: ring.name,
    state: row.state,
    select: ring.select,
    start: ring.start,
    concurrency: ring.concurrency,
    ratePerMinute: ring.ratePerMinute,
    opensAt: opens?.toISOString() ?? null,
    openedAt: row.openedAt?.toISOString() ?? null,
    passedAt: row.passedAt?.toISOString() ?? null,
    approvedAt: row.approvedAt?.toISOString() ?? null,
    approvedBy: row.approvedBy,
    counts: standing.counts,
    gate: { ...ring.gate, ...gateView(gate) },
  };
}

function gateView(
  gate: GateStanding,
): Pick<RingView['gate'], 'total' | 'ended' | 'share' | 'met' | 'blockedBy' | 'soakUntil'> {
  return {
    total: gate.total,
    ended: gate.ended,
    share: gate.share,
    met: gate.met,
    blockedBy: reasonView(gate.blockedBy === null ? null : `gate-${gate.blockedBy}`),
    soakUntil: gate.soakUntil?.toISOString() ?? null,
  };
}
