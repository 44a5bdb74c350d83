import type { FetchedFile } from './group-fetch.js';
import type { GroupFault, HeldTree, PlanGroup } from './mirror-plan.js';

interface FetchedGroup extends PlanGroup {
  files: FetchedFile[];
}

/** Files of a component that stays at a release whatever a run brings. */
export interface HeldContent {
  files: { path: string; sha256: string }[];
}

/** A content that has to stay, and the group that needs it. */
interface Staying {
  keeper: string;
  sha256: string | undefined;
}

/**
 * Entries may name the same file. When one of them has to stay at what is published, that file has to stay too, and with it every
 * entry that came with another content of it: otherwise no manifest could be right about both. Pure.
 * @param holds by component: what was rolled back or uploaded stays as well
 */
export function holdBackSharers<G extends FetchedGroup>(
  groups: readonly G[],
  held: HeldTree | null,
  holds: ReadonlyMap<string, HeldContent> = new Map<string, HeldContent>(),
): G[] {
  const result = [...groups];
  for (let changed = true; changed;) {
    changed = false;
    const staying = stayingFiles(result, held, holds);
    result.forEach((group, at) => {
      if (group.action !== 'fetch' || holds.has(group.componentId ?? '')) return;
      const clash = group.files.find(({ reference, sha256 }) => {
        const stays = staying.get(reference.key);
        return stays !== undefined && stays.sha256 !== sha256;
      });
      if (clash === undefined) return;
      const keeper = staying.get(clash.reference.key)?.keeper ?? '';
      result[at] = { ...group, action: 'earlier', fault: faultOf(clash.reference.path, keeper), files: [] };
      changed = true;
    });
  }
  return result;
}

/** Files that groups at their earlier release need, by key. */
function stayingFiles(
  groups: readonly FetchedGroup[],
  held: HeldTree | null,
  holds: ReadonlyMap<string, HeldContent>,
): Map<string, Staying> {
  const files = new Map<string, Staying>();
  for (const group of groups)
    if (group.action === 'earlier')
      for (const unit of group.units)
        for (const { key } of held?.manifest.units.get(unit.id)?.files ?? [])
          files.set(key, { keeper: group.key, sha256: held?.files.get(key)?.sha256 });
  for (const [keeper, { files: content }] of holds)
    for (const { path, sha256 } of content) files.set(path.toLowerCase(), { keeper, sha256 });
  return files;
}

function faultOf(path: string, keeper: string): GroupFault {
  return {
    code: 'shared-file-held-back',
    message: `${path} also belongs to ${keeper}, which stays at its earlier release.`,
  };
}
