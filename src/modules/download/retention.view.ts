import type { Component } from '../../mirror/catalogue/component.entity.js';
import { displayVersion } from '../../mirror/manifest/version.js';
import type { Amount, RetentionReport } from '../../mirror/snapshot/retention.service.js';

export interface RetentionView {
  rules: RetentionReport['rules'];
  snapshots: { id: string; createdAt: string }[];
  releases: {
    id: string;
    component: string;
    version: string;
    rawVersion: string;
    variant: string | null;
    origin: string;
  }[];
  blobs: Amount;
  /** Parts of files that broke off, and that nobody came back for in a week. */
  partials: Amount;
  /** Why contents were left alone for now: `download-running`, `stopped`. */
  blobsSkipped: string | null;
  /** Kept, although its index is lost and nothing of it can be served; what its tree still has stays with it. */
  damaged: RetentionReport['damaged'];
  kept: RetentionReport['kept'];
}

export function retentionView(report: RetentionReport, components: ReadonlyMap<string, Component>): RetentionView {
  return {
    ...report,
    releases: report.releases.map(({ id, componentId, version, variant, origin }) => ({
      id,
      component: componentId,
      version: displayVersion(version, components.get(componentId)?.numbering ?? 'integer'),
      rawVersion: version,
      variant,
      origin,
    })),
  };
}
