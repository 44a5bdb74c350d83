import { displayVersion, type Numbering } from '../../mirror/manifest/version.js';
import type { Language } from '../../platform/texts/texts.js';
import type { PlannedPart } from './deployment.planner.js';
import { reasonView } from './deployment.view.js';

export interface PreviewItem {
  controllerId: string;
  action: 'deploy' | 'skip';
  /** Stable code; null when something is deployed. */
  reason: string | null;
  text: Record<Language, string> | null;
  /** The first ring in which something is deployed to it. */
  ring: { part: string; position: number; name: string } | null;
  components: {
    id: string;
    part: string;
    action: 'deploy' | 'skip';
    reason: string | null;
    notes: string[];
    versionBefore: string | null;
    version: string;
    variant: string | null;
    ring: number | null;
  }[];
}

export interface PreviewView {
  items: PreviewItem[];
  next: string | null;
  summary: {
    deploy: number;
    skip: number;
    reasons: Record<string, number>;
    parts: { part: string; components: string[]; rings: { position: number; name: string; count: number }[] }[];
  };
}

/** One line for each product, parts put together. */
export function previewItems(parts: readonly PlannedPart[], numberings: ReadonlyMap<string, Numbering>): PreviewItem[] {
  const items = new Map<string, PreviewItem>();
  for (const part of parts) {
    const releases = new Map(part.releases.map((release) => [release.componentId, release]));
    for (const target of part.targets) {
      const item = items.get(target.controllerId) ?? emptyItem(target.controllerId);
      items.set(target.controllerId, item);
      if (target.action === 'deploy') item.action = 'deploy';
      const ring = target.ring === null ? undefined : part.plan.rings[target.ring];
      if (ring !== undefined && target.ring !== null)
        item.ring ??= { part: part.kind, position: target.ring, name: ring.name };
      item.reason ??= target.reason;
      for (const { componentId, action, reason, notes, versionBefore } of target.components) {
        const release = releases.get(componentId);
        item.components.push({
          id: componentId,
          part: part.kind,
          action: target.action === 'skip' ? 'skip' : action,
          reason: reason ?? (target.action === 'skip' ? target.reason : null),
          notes,
          versionBefore,
          version: displayVersion(release?.version ?? '', numberings.get(componentId) ?? 'integer'),
          variant: release?.variant ?? null,
          ring: action === 'deploy' ? target.ring : null,
        });
      }
    }
  }
  for (const item of items.values()) {
    if (item.action === 'deploy') item.reason = null;
    item.text = reasonView(item.reason)?.text ?? null;
  }
  return [...items.values()];
}

function emptyItem(controllerId: string): PreviewItem {
  return { controllerId, action: 'skip', reason: null, text: null, ring: null, components: [] };
}

export function previewSummary(parts: readonly PlannedPart[], items: readonly PreviewItem[]): PreviewView['summary'] {
  const reasons: Record<string, number> = {};
  for (const { reason } of items) if (reason !== null) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    deploy: items.filter(({ action }) => action === 'deploy').length,
    skip: items.filter(({ action }) => action === 'skip').length,
    reasons,
    parts: parts.map((part) => ({
      part: part.kind,
      components: part.releases.map(({ componentId }) => componentId),
      rings: part.plan.rings.map(({ name }, position) => ({
        position,
        name,
        count: part.targets.filter(({ ring }) => ring === position).length,
      })),
    })),
  };
}
