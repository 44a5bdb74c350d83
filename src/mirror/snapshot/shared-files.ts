import type { FetchedFile } from './group-fetch.js';
import type { GroupFault, HeldTree, PlanGroup } from './mirror-plan.js';

interface FetchedGroup extends PlanGroup {
  files: FetchedFile[];
}

/**
 * Entries may name the same file. When one of them has to stay at what is published, that file has to stay too, and with it every
 * entry that came with another content of it: otherwise no manifest could be right about both. Pure.
 */
export function holdBackSharers<G extends FetchedGroup>(groups: readonly G[], held: HeldTree | null): G[] {
  if (held === null) return [...groups];
  const result = [...groups];
  for (let changed = true; changed;) {
    changed = false;
    const staying = filesOfEarlier(result, held);
    result.forEach((group, at) => {
      if (group.action !== 'fetch') return;
      const clash = group.files.find(({ reference, sha256 }) => {
        const keeper = staying.get(reference.key);
        return keeper !== undefined && held.files.get(reference.key)?.sha256 !== sha256;
      });
      if (clash === undefined) return;
      const keeper = staying.get(clash.reference.key) ?? '';
      result[at] = { ...group, action: 'earlier', fault: faultOf(clash.reference.path, keeper), files: [] };
      changed = true;
    });
  }
  return result;
}

/** Files that groups at their earlier release need, with the group that needs each. */
function filesOfEarlier(groups: readonly FetchedGroup[], held: HeldTree): Map<string, string> {
  const files = new Map<string, string>();
  for (const group of groups)
    if (group.action === 'earlier')
      for (const unit of group.units)
        for (const file of held.manifest.units.get(unit.id)?.files ?? []) files.set(file.key, group.key);
  return files;
}

function faultOf(path: string, keeper: string): GroupFault {
  return {
    code: 'shared-file-held-back',
    message: `${path} also belongs to ${keeper}, which stays at its earlier release.`,
  };
}
