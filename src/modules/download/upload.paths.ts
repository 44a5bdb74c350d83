import { pathFault } from '../../mirror/manifest/manifest-path.js';
import { signaturePathOf } from '../../mirror/manifest/signature-path.js';
import type { HeldTree } from '../../mirror/snapshot/mirror-plan.js';
import { AppError } from '../../platform/errors/app-error.js';

/** What a channel publishes, and whose entries are whose. */
export interface TakenPaths {
  held: HeldTree | null;
  componentOfUnit: ReadonlyMap<string, string>;
}

interface Place {
  path: string;
  component: string | null;
  sha256: string | undefined;
}

/**
 * An upload may replace files of its own component and no others.
 * @param sha256 of the content that the file is to have; its signature stands beside it
 * @throws AppError `path-taken` with the path and whose it is; `file-name-invalid` for a path that cannot be served.
 */
export function requireFreePaths(filePath: string, sha256: string, componentId: string, taken: TakenPaths): void {
  for (const path of [filePath, signaturePathOf(filePath)]) {
    const why = pathFault(path);
    if (why !== null) throw new AppError('bad-input', 'file-name-invalid.path', { values: { path, why } });
    const key = path.toLowerCase();
    for (const place of placesOfOthers(componentId, taken)) {
      const other = place.path.toLowerCase();
      if (other !== key && !other.startsWith(`${key}/`) && !key.startsWith(`${other}/`)) continue;
      // Its own file, which another entry names too: the same content again brings back what was lost.
      if (other === key && path === filePath && place.sha256 === sha256) continue;
      throw new AppError('conflict', place.component === null ? 'path-taken.by-nobody' : 'path-taken', {
        details: { path: place.path, component: place.component },
      });
    }
  }
}

/** A file that several entries name is recorded as that of one of them: the others have it too. */
function* placesOfOthers(componentId: string, { held, componentOfUnit }: TakenPaths): Generator<Place> {
  if (held === null) return;
  for (const { path, component } of held.files.values())
    if (component !== componentId) yield { path, component, sha256: undefined };
  for (const { id, files } of held.manifest.units.values()) {
    const component = componentOfUnit.get(id.toUpperCase()) ?? null;
    if (component === componentId) continue;
    for (const { path, key } of files) yield { path, component, sha256: held.files.get(key)?.sha256 };
  }
}
