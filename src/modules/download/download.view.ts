import type { Component } from '../../mirror/catalogue/component.entity.js';
import { displayVersion } from '../../mirror/manifest/version.js';
import type { ComponentOutcome } from '../../mirror/snapshot/component-outcome.js';
import { type Fault, storedFault } from '../../platform/errors/app-error.js';
import type { Download } from './download.entity.js';
import type { DownloadProgress } from './download.repository.js';

export interface DownloadView {
  id: string;
  trigger: string;
  state: string;
  requested: string[] | null;
  startedBy: string;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  /** Null also when the clock was set back meanwhile: then nobody knows. */
  durationSeconds: number | null;
  cancelRequestedAt: string | null;
  /** Who holds the lock; of interest while it runs. */
  owner: { node: string | null; pid: number | null; heartbeatAt: string | null };
  source: string | null;
  progress: { phase: string | null; filesDone: number; filesTotal: number; bytesDone: number; bytesTotal: number };
  /** Bytes fetched. */
  bytes: number;
  components: OutcomeView[];
  snapshotId: string | null;
  error: (Fault & { details?: Record<string, unknown> }) | null;
}

export interface OutcomeView {
  id: string;
  outcome: string;
  versionBefore: string | null;
  versionAfter: string | null;
  offered: string | null;
  error: Fault | null;
  /** Where its files came from, when that is another source than the one whose manifest was read. */
  source?: string;
  /** Content of it that was lost on the server's disk was fetched again; the release is the same. */
  restored?: true;
}

function outcomeView(outcome: ComponentOutcome, components: ReadonlyMap<string, Component>): OutcomeView {
  const numbering = components.get(outcome.id)?.numbering ?? 'integer';
  const shown = (raw: string | null): string | null => (raw === null ? null : displayVersion(raw, numbering));
  const { id, outcome: kind, versionBefore, versionAfter, offered, error, source, restored } = outcome;
  return {
    id,
    outcome: kind,
    versionBefore: shown(versionBefore),
    versionAfter: shown(versionAfter),
    offered: shown(offered),
    error: error && storedFault(error),
    ...(source === undefined ? {} : { source }),
    ...(restored ? { restored } : {}),
  };
}

export function downloadView(
  download: Download,
  components: ReadonlyMap<string, Component>,
  live: { id: string; progress: DownloadProgress } | null,
): DownloadView {
  const isOpen = download.state === 'queued' || download.state === 'running';
  const progress = isOpen && live?.id === download.id ? live.progress : download;
  const { startedAt, finishedAt } = download;
  return {
    id: download.id,
    trigger: download.trigger,
    state: download.state,
    requested: download.components,
    startedBy: download.startedBy,
    createdAt: download.createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
    durationSeconds: secondsBetween(startedAt, finishedAt),
    cancelRequestedAt: download.cancelRequestedAt?.toISOString() ?? null,
    owner: {
      node: download.ownerNode,
      pid: download.ownerPid,
      heartbeatAt: download.heartbeatAt?.toISOString() ?? null,
    },
    source: progress.source,
    progress: {
      phase: progress.phase,
      filesDone: progress.filesDone,
      filesTotal: progress.filesTotal,
      bytesDone: progress.bytesDone,
      bytesTotal: progress.bytesTotal,
    },
    bytes: progress.bytesDone,
    components: download.outcomes.map((outcome) => outcomeView(outcome, components)),
    snapshotId: download.snapshotId,
    error: download.error && errorView(download.error),
  };
}

function errorView({ details, ...fault }: NonNullable<Download['error']>): NonNullable<DownloadView['error']> {
  return { ...storedFault(fault), ...(details === undefined ? {} : { details }) };
}

function secondsBetween(from: Date | null, to: Date | null): number | null {
  if (from === null || to === null || to < from) return null;
  return (to.getTime() - from.getTime()) / 1000;
}
