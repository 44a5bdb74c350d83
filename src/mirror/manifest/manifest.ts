import { AppError } from '../../platform/errors/app-error.js';
import { IniDocument } from './ini-document.js';
import { markConflicts } from './manifest-conflicts.js';
import { sectionKind } from './manifest-grammar.js';
import { assignOwners } from './manifest-owners.js';
import { readUnit } from './manifest-unit.js';
import type { FileReference, ManifestUnit } from './manifest-unit.js';

export type { FileReference, ManifestFault, ManifestUnit } from './manifest-unit.js';

/** Most files that one manifest may name, over all units. */
export const MAX_MANIFEST_FILES = 50_000;

/** A manifest (`server.ini`) with its text and what it means. Immutable. */
export class Manifest {
  private constructor(
    readonly document: IniDocument,
    /** The entries by id, in the order of their first lines. */
    readonly units: ReadonlyMap<string, ManifestUnit>,
    /** Id of the unit that each line belongs to; null for the lines of none. */
    readonly owners: readonly (string | null)[],
  ) {}

  /**
   * Faults of one entry are recorded at its unit; only what makes the whole manifest useless is thrown.
   * @throws AppError upstream/manifest-not-ini: no section of a manifest in it (an error page, an empty answer)
   * @throws AppError upstream/manifest-too-large: too many bytes or lines
   * @throws AppError upstream/manifest-too-many-files: more than MAX_MANIFEST_FILES
   */
  static parse(bytes: Buffer): Manifest {
    const document = IniDocument.parse(bytes);
    requireManifest(document);
    const owners = assignOwners(document);
    const linesOf = new Map<string, number[]>();
    owners.forEach((id, index) => {
      if (id === null) return;
      const lines = linesOf.get(id);
      if (lines) lines.push(index);
      else linesOf.set(id, [index]);
    });
    const units = new Map<string, ManifestUnit>();
    let files = 0;
    for (const [id, lines] of linesOf) {
      const unit = readUnit(document, id, lines);
      files += unit.files.length;
      if (files > MAX_MANIFEST_FILES) throw tooManyFiles();
      units.set(id, unit);
    }
    markConflicts(units.values());
    return new Manifest(document, units, owners);
  }

  /** Every file of the given units (of all when none are given), once each, by key. Sizes that disagree: the first. */
  files(unitIds?: Iterable<string>): Map<string, FileReference> {
    const files = new Map<string, FileReference>();
    for (const id of unitIds ?? this.units.keys()) {
      for (const file of this.units.get(id)?.files ?? []) {
        if ((files.get(file.key)?.size ?? null) === null) files.set(file.key, file);
      }
    }
    return files;
  }
}

function requireManifest(document: IniDocument): void {
  const known = document.lines.some(
    (line) =>
      line.kind === 'section' &&
      (['pattern', 'engine'].includes(sectionKind(line.section)) || line.section?.toLowerCase() === 'common'),
  );
  const first = document.lines.find((line) => line.kind !== 'blank')?.raw.trimStart() ?? '';
  if (known && !first.startsWith('<')) return;
  throw new AppError('upstream', 'manifest-not-ini', {
    details: { beginsWith: first.slice(0, 80).replace(/[^ -~]/g, '?') },
  });
}

function tooManyFiles(): AppError {
  return new AppError('upstream', 'manifest-too-many-files', {
    details: { limit: MAX_MANIFEST_FILES },
  });
}
