import type { FileReference, ManifestUnit } from '../manifest/manifest.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { FileMap } from './held-file.js';
import type { PlanGroup } from './mirror-plan.js';

/** The same for every version of one file; `tsc_1628.1630` and `tscx_1628.1630` are of two kinds. */
export function kindOfFile(file: FileReference): string {
  return `${file.role} ${file.key.replace(/\d+/g, '#')}`;
}

/** Entries of the published manifest, by id. */
export type HeldUnits = ReadonlyMap<string, ManifestUnit>;

/** The published entries of a group: looked up, as a large manifest has thousands of groups. */
export function heldOf({ units }: PlanGroup, heldUnits: HeldUnits): ManifestUnit[] {
  return units.flatMap(({ id }) => heldUnits.get(id) ?? []);
}

/** All published entries that are not of this group. */
export function othersThan({ units }: PlanGroup, heldUnits: HeldUnits): ManifestUnit[] {
  const ids = new Set(units.map(({ id }) => id));
  return [...heldUnits.values()].filter(({ id }) => !ids.has(id));
}

/** Kinds of files in the published release of these units: those that are signed without exception, and those that are held unsigned. */
export function signedKinds(
  group: PlanGroup,
  heldUnits: HeldUnits,
  held: FileMap | null,
): { signed: Set<string>; unsigned: Set<string> } {
  const files = heldOf(group, heldUnits).flatMap((unit) => unit.files);
  const without = files.filter((file) => !held?.has(signaturePathOf(file.key)));
  const notSigned = new Set(without.map(kindOfFile));
  return {
    signed: new Set(files.map(kindOfFile).filter((kind) => !notSigned.has(kind))),
    unsigned: new Set(without.filter((file) => held?.has(file.key)).map(kindOfFile)),
  };
}
