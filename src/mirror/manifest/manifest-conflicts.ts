import { fileKey } from './manifest-path.js';
import { addFault, type FileReference, type ManifestUnit } from './manifest-unit.js';
import { signaturePathOf } from './signature-path.js';

/** Faults between units: one file with two sizes, one path that is a file here and a folder there. */
export function markConflicts(units: Iterable<ManifestUnit>): void {
  const all = [...units];
  markSizes(all);
  const standing = new Map<string, ManifestUnit>();
  for (const unit of all)
    for (const path of pathsOf(unit)) if (!standing.has(fileKey(path))) standing.set(fileKey(path), unit);
  /** Units that have a folder where another has a file, by the key of that file. */
  const folders = new Map<string, ManifestUnit>();
  for (const unit of all)
    for (const file of unit.files)
      for (const folder of foldersOf(file.key)) {
        const other = standing.get(folder);
        if (other === undefined) continue;
        folders.set(folder, unit);
        if (other !== unit) addFault(unit, 'path-conflict.entries', { path: folder, file: other.id, folder: unit.id });
      }
  if (folders.size === 0) return;
  for (const unit of all)
    for (const path of pathsOf(unit)) {
      const other = folders.get(fileKey(path));
      if (other === undefined) continue;
      addFault(unit, 'path-conflict.entries', { path, file: unit.id, folder: other.id });
    }
}

/** Where a unit has files in a tree: those that it names, and their signatures, of which nobody knows yet whether they are there. */
function* pathsOf(unit: ManifestUnit): Generator<string, void> {
  for (const { path } of unit.files) {
    yield path;
    yield signaturePathOf(path);
  }
}

function markSizes(units: readonly ManifestUnit[]): void {
  const first = new Map<string, { unit: ManifestUnit; file: FileReference }>();
  for (const unit of units) {
    for (const file of unit.files) {
      const known = first.get(file.key);
      if (!known || known.file.size === null) first.set(file.key, { unit, file });
      else if (file.size !== null && file.size !== known.file.size) {
        const values = {
          path: file.path,
          size: known.file.size,
          unit: known.unit.id,
          otherSize: file.size,
          other: unit.id,
        };
        addFault(known.unit, 'size-conflict.entries', values);
        addFault(unit, 'size-conflict.entries', values);
      }
    }
  }
}

/** Every folder that a path stands in, from the outermost. */
export function* foldersOf(path: string): Generator<string, void> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) yield path.slice(0, slash);
}
