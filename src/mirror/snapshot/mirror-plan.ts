import { type Fault, faultOf } from '../../platform/errors/app-error.js';
import { extractUnit } from '../manifest/manifest-edit.js';
import type { Manifest, ManifestUnit } from '../manifest/manifest.js';
import type { FileMap } from './held-file.js';

/** What of the upstream's manifest is mirrored at all. */
export interface Selection {
  /** `all`: every entry; `catalogue`: entries that a component claims; `selected`: only those of the named components. */
  mode: 'all' | 'catalogue' | 'selected';
  components: string[];
}

/** What a channel publishes now: the base against which a run decides. */
export interface HeldTree {
  manifest: Manifest;
  files: FileMap;
}

export interface PlanInput {
  upstream: Manifest;
  /** Units that belong to components; every other unit stands for itself. */
  componentOfUnit: ReadonlyMap<string, string>;
  selection: Selection;
  /** Whether this run may bring a component (or, for null, an entry that no component claims) up to date. */
  mayUpdate: (componentId: string | null, offered: readonly ManifestUnit[]) => boolean;
  held: HeldTree | null;
  /** Names of files that are held, but not from the sources of the channel: they are fetched although no line has changed. */
  notOwn: ReadonlySet<string>;
}

/**
 * What happens to a group: `fetch` its files · `same`: nothing has changed · `earlier`: keep what is published ·
 * `drop`: not mirrored.
 */
export type GroupAction = 'fetch' | 'same' | 'earlier' | 'drop';

/** As it is kept in the record of a download. */
export type GroupFault = Fault;

/** Units that change together: all of one component, or one that no component claims. */
export interface PlanGroup {
  /** Component id, or the unit's id. */
  key: string;
  componentId: string | null;
  /** Those that the upstream names. */
  units: ManifestUnit[];
  action: GroupAction;
  /** Why a group that should have been fetched is not. */
  fault: GroupFault | null;
}

/** The unit that gives a component its version: the first of its entries that the manifest has. */
export function leadingUnit(entries: readonly string[], units: readonly ManifestUnit[]): ManifestUnit | undefined {
  const byId = new Map(units.map((unit) => [unit.id.toUpperCase(), unit]));
  return entries.map((entry) => byId.get(entry.toUpperCase())).find((unit) => unit !== undefined) ?? units[0];
}

/** What is published of a group now, and stays when the group keeps its earlier release. */
export function ownUnits(
  { key, componentId }: Pick<PlanGroup, 'key' | 'componentId'>,
  held: HeldTree,
  componentOfUnit: ReadonlyMap<string, string>,
): ManifestUnit[] {
  const { units } = held.manifest;
  const own =
    componentId === null
      ? [units.get(key)].filter((unit) => unit !== undefined)
      : [...units.values()].filter((unit) => componentOfUnit.get(unit.id.toUpperCase()) === componentId);
  return own.filter(isServable);
}

export function sameLines(upstream: Manifest, held: Manifest, unitId: string): boolean {
  const ours = extractUnit(held, unitId);
  const theirs = extractUnit(upstream, unitId);
  if (ours === null || theirs === null || ours.lines.length !== theirs.lines.length) return false;
  return theirs.lines.every((line, at) => line.text === ours.lines[at]?.text);
}

export function isSelected(selection: Selection, componentId: string | null): boolean {
  if (selection.mode === 'all') return true;
  if (componentId === null) return false;
  return selection.mode === 'catalogue' || selection.components.includes(componentId);
}

/** What was published under rules less strict than today's need not be: its lines would name files that nobody can fetch. */
function isServable(unit: ManifestUnit): boolean {
  return unit.faults.every(({ code }) => code !== 'path-unsafe');
}

function actionOf(input: PlanInput, units: ManifestUnit[], componentId: string | null): GroupAction {
  const { held, upstream } = input;
  if (!isSelected(input.selection, componentId)) return 'drop';
  const sameRelease =
    held !== null && units.every((unit) => isServable(unit) && sameLines(upstream, held.manifest, unit.id));
  const isHeld = (key: string): boolean => held?.files.has(key) === true && !input.notOwn.has(key);
  if (sameRelease && units.every((unit) => unit.files.every((file) => isHeld(file.key)))) return 'same';
  // A file that was lost may be fetched again whoever may not be updated.
  return sameRelease || input.mayUpdate(componentId, units) ? 'fetch' : 'earlier';
}

/** Decides for every unit of the manifest, and for what is published and not in it; pure. Units whose lines cannot be trusted keep what is published. */
export function planMirror(input: PlanInput): PlanGroup[] {
  const members = new Map<string, ManifestUnit[]>();
  const componentOf = new Map<string, string | null>();
  for (const unit of input.upstream.units.values()) {
    const componentId = input.componentOfUnit.get(unit.id.toUpperCase()) ?? null;
    const key = componentId ?? unit.id;
    componentOf.set(key, componentId);
    members.set(key, [...(members.get(key) ?? []), unit]);
  }
  const named = [...members].map(([key, units]): PlanGroup => {
    const componentId = componentOf.get(key) ?? null;
    const action = actionOf(input, units, componentId);
    const fault = units.flatMap((unit) => unit.faults)[0];
    if (action === 'fetch' && fault !== undefined)
      return { key, componentId, units, action: 'earlier', fault: faultOf(fault) };
    return { key, componentId, units, action, fault: null };
  });
  return [...named, ...leftAlone(input, members)];
}

/** What is published, the upstream does not name any more, and the run may not touch: it stays until a run may. */
function leftAlone(input: PlanInput, named: ReadonlyMap<string, unknown>): PlanGroup[] {
  const groups = new Map<string, PlanGroup>();
  for (const { id } of input.held?.manifest.units.values() ?? []) {
    const componentId = input.componentOfUnit.get(id.toUpperCase()) ?? null;
    const key = componentId ?? id;
    if (!named.has(key)) groups.set(key, { key, componentId, units: [], action: 'earlier', fault: null });
  }
  return [...groups.values()].filter(
    ({ componentId }) => isSelected(input.selection, componentId) && !input.mayUpdate(componentId, []),
  );
}
