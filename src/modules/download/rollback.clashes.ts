import { signaturePathOf } from '../../mirror/manifest/signature-path.js';
import { foldersOf } from '../../mirror/manifest/manifest-conflicts.js';
import { fileKey } from '../../mirror/manifest/manifest-path.js';
import type { ReleaseFileContent } from '../../mirror/snapshot/channel-composer.js';
import { MANIFEST_PATH } from '../../mirror/snapshot/held-file.js';
import type { HeldTree } from '../../mirror/snapshot/mirror-plan.js';
import { AppError } from '../../platform/errors/app-error.js';
import { reason, type Sentence } from '../../platform/texts/texts.js';

/** What stays in the tree and stands in the way of what comes back. */
export interface Clash {
  /** One file would get another content, or one path would be a file and a folder. */
  kind: 'content' | 'folder';
  /** Of what stays. */
  path: string;
  /** The file that comes back. */
  wanted: string;
  /** Whose file it is that stays; null when no component claims it. */
  componentId: string | null;
  /** The entry of the manifest that names it; null when none does. */
  unitId: string | null;
}

type Place = Pick<Clash, 'path' | 'componentId' | 'unitId'>;

/** The files that a rollback brings back, among which no two contradict each other. Pure. */
export class ReturningFiles {
  /** By key: data files. */
  private readonly data = new Map<string, ReleaseFileContent>();
  /** By key: paths of data files and signatures. */
  private readonly paths = new Map<string, string>();
  /** By key of each folder that they stand in: one of them. */
  private readonly below = new Map<string, string>();

  add(files: readonly ReleaseFileContent[]): void {
    for (const file of files) {
      this.data.set(fileKey(file.path), file);
      for (const path of pathsOf(file)) {
        const key = fileKey(path);
        this.paths.set(key, path);
        for (const folder of foldersOf(key)) this.below.set(folder, path);
      }
    }
  }

  /** Whether further files can stand beside them. */
  fits(files: readonly ReleaseFileContent[]): boolean {
    return files.every((file) => {
      const known = this.data.get(fileKey(file.path));
      if (known !== undefined && known.sha256 !== file.sha256) return false;
      return pathsOf(file).every((path) => this.crossing(fileKey(path)) === null);
    });
  }

  /** The first of what stays that they could not stand beside. */
  clashIn(
    held: HeldTree,
    owners: ReadonlyMap<string, string>,
    goesBack: (componentId: string) => boolean,
  ): Clash | null {
    for (const place of stayingPlaces(held, owners, goesBack)) {
      const key = fileKey(place.path);
      const same = this.data.get(key);
      // The names of signatures are reused: the last one counts.
      const isSignature = place.unitId === null && key.endsWith('.sig');
      if (same !== undefined && !isSignature && held.files.get(key)?.sha256 !== same.sha256)
        return { ...place, kind: 'content', wanted: same.path };
      const wanted = this.crossing(key);
      if (wanted !== null) return { ...place, kind: 'folder', wanted };
    }
    return null;
  }

  /** The file that has a folder where this one is, or is where this one has a folder. */
  private crossing(key: string): string | null {
    const inside = this.below.get(key);
    if (inside !== undefined) return inside;
    for (const folder of foldersOf(key)) {
      const outside = this.paths.get(folder);
      if (outside !== undefined) return outside;
    }
    return null;
  }
}

function pathsOf({ path, signature }: ReleaseFileContent): string[] {
  return signature === null ? [path] : [path, signature.path];
}

/** As the composer leaves it: the files of entries that do not go back, and all else that belongs to nothing that does. */
function* stayingPlaces(
  held: HeldTree,
  owners: ReadonlyMap<string, string>,
  goesBack: (componentId: string) => boolean,
): Generator<Place> {
  const seen = new Set<string>();
  /** Whose signatures they are. */
  const signatures = new Map<string, Place>();
  for (const unit of held.manifest.units.values()) {
    const componentId = owners.get(unit.id.toUpperCase()) ?? null;
    if (componentId !== null && goesBack(componentId)) continue;
    for (const { path, key } of unit.files) {
      seen.add(key);
      yield { path, componentId, unitId: unit.id };
      const signature = signaturePathOf(key);
      signatures.set(signature, { path: signature, componentId, unitId: null });
    }
  }
  for (const [key, { path, component }] of held.files) {
    if (seen.has(key) || path === MANIFEST_PATH) continue;
    const signed = signatures.get(key);
    if (signed !== undefined) yield { ...signed, path };
    else if (component === null || !goesBack(component)) yield { path, componentId: component, unitId: null };
  }
}

/** Why that cannot be gone back to. `component` is the one that a person wanted to go back. */
export function clashFault(component: string, clash: Clash): AppError {
  const { path, wanted, componentId: sharer, unitId: entry } = clash;
  const details = { component, path, wanted, sharer, entry };
  if (clash.kind === 'folder')
    return sharer === null
      ? new AppError('conflict', 'rollback-path-conflict.ownerless', { values: { owner: ownerless(entry) }, details })
      : new AppError('conflict', 'rollback-path-conflict', { details });
  const shared = { component, path, sharer, entry };
  return sharer === null
    ? new AppError('conflict', 'rollback-shared-file.ownerless', {
        values: { owner: ownerless(entry) },
        details: shared,
      })
    : new AppError('conflict', 'rollback-shared-file', { details: shared });
}

function ownerless(entry: string | null): Sentence {
  return entry === null ? reason('owner.earlier-entry') : reason('owner.entry', { entry });
}
