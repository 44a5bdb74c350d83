import type { RetentionSetting } from '../settings/mirror.settings.js';

export interface SnapshotFacts {
  id: string;
  createdAt: Date;
  pinned: boolean;
  /** Some channel serves it now. */
  inForce: boolean;
  /** Releases of all its channels. */
  releases: ReadonlySet<string>;
}

export interface ReleaseFacts {
  id: string;
  componentId: string;
  version: string;
  variant: string | null;
  derivedFrom: string | null;
  createdAt: Date;
  /** Time of the latest snapshot that had it, in any channel; of a release that was never published, when it was recorded. */
  lastInForceAt: Date;
  /** All of its files are still held. */
  complete: boolean;
}

export interface RetentionInput {
  now: Date;
  rules: RetentionSetting;
  snapshots: readonly SnapshotFacts[];
  releases: readonly ReleaseFacts[];
  /** Releases that somebody needs whatever the rules say: rolled back to, being deployed. */
  held: ReadonlySet<string>;
}

export type SnapshotReason = 'in-force' | 'pinned' | 'newest' | 'grace';
export type ReleaseReason = 'snapshot' | 'held' | 'newest' | 'grace' | 'derived-from';

/** What stays, and why; what is not in it goes. */
export interface RetentionPlan {
  snapshots: Map<string, SnapshotReason>;
  releases: Map<string, ReleaseReason>;
}

const HOUR_MS = 3_600_000;

/** Decides what is kept (architecture §3.6); pure. */
export function planRetention(input: RetentionInput): RetentionPlan {
  const snapshots = keepSnapshots(input);
  return { snapshots, releases: keepReleases(input, snapshots) };
}

function keepSnapshots({ now, rules, snapshots }: RetentionInput): RetentionPlan['snapshots'] {
  const kept = new Map<string, SnapshotReason>();
  const newestFirst = [...snapshots].sort(
    (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1),
  );
  newestFirst.forEach((snapshot, at) => {
    const reason = snapshot.inForce
      ? 'in-force'
      : snapshot.pinned
        ? 'pinned'
        : at < rules.keepSnapshots
          ? 'newest'
          : isYoung(snapshot, now, rules)
            ? 'grace'
            : null;
    if (reason !== null) kept.set(snapshot.id, reason);
  });
  return kept;
}

function isYoung({ createdAt }: { createdAt: Date }, now: Date, { graceHours }: RetentionSetting): boolean {
  return now.getTime() - createdAt.getTime() < graceHours * HOUR_MS;
}

function keepReleases(
  { now, rules, snapshots, releases, held }: RetentionInput,
  keptSnapshots: ReadonlyMap<string, SnapshotReason>,
): RetentionPlan['releases'] {
  const kept = new Map<string, ReleaseReason>();
  const known = new Map(releases.map((release) => [release.id, release]));
  const keep = (id: string, reason: ReleaseReason): void => {
    if (known.has(id) && !kept.has(id)) kept.set(id, reason);
  };
  for (const snapshot of snapshots)
    if (keptSnapshots.has(snapshot.id)) for (const id of snapshot.releases) keep(id, 'snapshot');
  for (const id of held) keep(id, 'held');
  for (const id of newestVersions(releases, rules.keepVersions)) keep(id, 'newest');
  // An upload may have been recorded only, to be deployed next; or be one of several with the same version.
  for (const release of releases) if (isYoung(release, now, rules)) keep(release.id, 'grace');
  // The record of where a release came from must not end in nothing.
  for (const id of [...kept.keys()])
    for (let parent = known.get(id)?.derivedFrom; parent; parent = known.get(parent)?.derivedFrom)
      keep(parent, 'derived-from');
  return kept;
}

/**
 * Of each component and variant the releases of its newest versions, one of each; those that lost a file do not count. Newest are those
 * that were in force last, as a rollback counts them: what was brought back is no older than what it took the place of.
 */
function newestVersions(releases: readonly ReleaseFacts[], count: number): string[] {
  const versionsOf = new Map<string, Set<string>>();
  return [...releases]
    .filter((release) => release.complete)
    .sort(
      (a, b) =>
        b.lastInForceAt.getTime() - a.lastInForceAt.getTime() ||
        b.createdAt.getTime() - a.createdAt.getTime() ||
        (a.id < b.id ? 1 : -1),
    )
    .filter((release) => {
      const key = `${release.componentId} ${release.variant ?? ''}`;
      const versions = versionsOf.get(key) ?? new Set();
      versionsOf.set(key, versions);
      if (versions.has(release.version) || versions.size >= count) return false;
      versions.add(release.version);
      return true;
    })
    .map((release) => release.id);
}
