import type { IniDocument, IniLine } from './ini-document.js';
import {
  CONTROL_CHARACTER,
  fields,
  keyMeaning,
  readEntry,
  readFurtherFile,
  readSectionFile,
  sectionKind,
} from './manifest-grammar.js';
import { fileKey } from './manifest-path.js';

/** The virus pattern: what the legacy twins without a name, and those named VSAPI, belong to. */
const VIRUS_PATTERN = 'P.4';
const VIRUS_PATTERN_NAME = 'VSAPI';
/** Ids are stored and shown; no real key or section is nearly as long. */
const MAX_ID_LENGTH = 200;

/**
 * To which unit each line of a manifest belongs, in the order of the lines; null for those that belong to none.
 * - `P.<ID>`, `E.<ID>`: the entry, its increments and counts, and its legacy twins
 * - `Info_…`: a product's whole section, when it names a file; `[<name>]` for a section that we do not know
 * - `PATTERN.<KEY>`, `ENGINE.<KEY>`: a legacy line that names a file of no entry
 * Each line has one owner, so that dropping a unit can leave nothing behind and take nothing else away.
 */
export function assignOwners(document: IniDocument): (string | null)[] {
  const owners = new Array<string | null>(document.lines.length).fill(null);
  assignEntries(document.lines, 'pattern', owners);
  assignEntries(document.lines, 'engine', owners);
  assignSections(document.lines, owners);
  return owners.map((id) => id && withoutControls(id));
}

/** Ids are stored, shown and logged, and no database takes a NUL in a text. Units with such lines are never published. */
function withoutControls(id: string): string {
  if (!CONTROL_CHARACTER.test(id)) return id;
  return Array.from(id, (char) =>
    CONTROL_CHARACTER.test(char) ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}` : char,
  ).join('');
}

interface Twin {
  index: number;
  key: string;
  value: string;
}

/** What is known of a section's entries when their twins look for them. */
class EntryIndex {
  readonly ids = new Set<string>();
  private readonly byPath = new Map<string, string>();
  private readonly byIncrement = new Map<string, string>();
  private readonly byEngineName = new Map<string, string>();
  private readonly byEngineNameAndPath = new Map<string, string>();

  add(kind: 'pattern' | 'engine', id: string, rest: string | null, key: string, value: string): void {
    this.ids.add(id);
    if (rest === null) {
      const entry = readEntry(kind, value);
      if (!entry) return;
      putFirst(this.byPath, fileKey(entry.file.path), id);
      if (entry.name === undefined) return;
      putFirst(this.byEngineName, entry.name.toUpperCase(), id);
      putFirst(this.byEngineNameAndPath, `${entry.name.toUpperCase()},${fileKey(entry.file.path)}`, id);
      return;
    }
    const file = readFurtherFile(kind, key, value);
    if (file !== null && file !== 'malformed') putFirst(this.byIncrement, fileKey(file.path), id);
  }

  ofPath(path: string): string | undefined {
    return this.byPath.get(fileKey(path)) ?? this.byIncrement.get(fileKey(path));
  }

  /** Of several engines with one name, the one whose file the twin names. */
  ofEngineName(name: string, path: string): string | undefined {
    return this.byEngineNameAndPath.get(`${name},${fileKey(path)}`) ?? this.byEngineName.get(name);
  }
}

function assignEntries(lines: readonly IniLine[], kind: 'pattern' | 'engine', owners: (string | null)[]): void {
  const index = new EntryIndex();
  const twins: Twin[] = [];
  lines.forEach((line, at) => {
    if (line.kind !== 'pair' || sectionKind(line.section) !== kind) return;
    const { key = '', value = '' } = line;
    const meaning = keyMeaning(kind, key);
    if (meaning.kind !== 'entry') return void twins.push({ index: at, key, value });
    owners[at] = meaning.id;
    index.add(kind, meaning.id, meaning.rest, key, value);
  });
  const nameOwners = ownersOfNames(kind, twins, index);
  const bareOwner = kind === 'pattern' ? ownerOfBareTwins(twins, nameOwners, index) : null;
  for (const twin of twins) {
    const meaning = keyMeaning(kind, twin.key);
    if (meaning.kind === 'named-twin') owners[twin.index] = nameOwners.get(meaning.name) ?? null;
    else if (meaning.kind === 'bare-twin') owners[twin.index] = bareOwner;
    else owners[twin.index] = ownerOfUnknown(kind, twin, index);
  }
}

function ownersOfNames(kind: 'pattern' | 'engine', twins: readonly Twin[], index: EntryIndex): Map<string, string> {
  const owners = new Map<string, string>();
  const named = twins.flatMap((twin) => {
    const meaning = keyMeaning(kind, twin.key);
    return meaning.kind === 'named-twin' ? [{ ...meaning, path: fields(twin.value)[0] ?? '' }] : [];
  });
  // The twin of the whole file decides; those of the increments only when it says nothing.
  const byWeight = [...named.filter(({ prefix }) => prefix === 'path'), ...named];
  for (const { name, path } of byWeight) {
    const owner = (kind === 'engine' ? index.ofEngineName(name, path) : undefined) ?? index.ofPath(path);
    if (owner !== undefined) putFirst(owners, name, owner);
  }
  if (kind === 'pattern' && index.ids.has(VIRUS_PATTERN)) putFirst(owners, VIRUS_PATTERN_NAME, VIRUS_PATTERN);
  for (const { name, prefix, path } of named) {
    if (path !== '' && (prefix === 'path' || prefix === 'mergepath')) {
      putFirst(owners, name, `${kind.toUpperCase()}.PATH_${name}`);
    }
  }
  return owners;
}

function ownerOfBareTwins(
  twins: readonly Twin[],
  nameOwners: ReadonlyMap<string, string>,
  index: EntryIndex,
): string | null {
  const virusPattern = index.ids.has(VIRUS_PATTERN) ? VIRUS_PATTERN : null;
  if (virusPattern !== null && [...nameOwners.values()].includes(virusPattern)) return virusPattern;
  for (const prefix of ['mergepath', 'path']) {
    for (const twin of twins) {
      const meaning = keyMeaning('pattern', twin.key);
      if (meaning.kind !== 'named-twin' || meaning.prefix !== prefix) continue;
      const owner = nameOwners.get(meaning.name);
      if (owner !== undefined) return owner;
    }
  }
  return virusPattern;
}

function ownerOfUnknown(kind: 'pattern' | 'engine', twin: Twin, index: EntryIndex): string | null {
  const file = readFurtherFile(kind, twin.key, twin.value);
  if (file === null || file === 'malformed') return null;
  return index.ofPath(file.path) ?? `${kind.toUpperCase()}.${twin.key.toUpperCase().slice(0, MAX_ID_LENGTH)}`;
}

function assignSections(lines: readonly IniLine[], owners: (string | null)[]): void {
  const idOf = new Map<string, string>();
  for (const line of lines) {
    const kind = sectionKind(line.section);
    if (line.section === null || line.kind !== 'pair' || (kind !== 'product' && kind !== 'unknown')) continue;
    if (readSectionFile(kind, line.key ?? '', line.value ?? '') === null) continue;
    putFirst(
      idOf,
      line.section.toLowerCase(),
      kind === 'product' ? line.section.slice(0, MAX_ID_LENGTH) : `[${line.section.slice(0, MAX_ID_LENGTH)}]`,
    );
  }
  let start = 0;
  while (start < lines.length) {
    let end = start + 1;
    while (end < lines.length && lines[end]?.kind !== 'section') end += 1;
    const id = idOf.get((lines[start]?.section ?? '').toLowerCase());
    if (id !== undefined) owners.fill(id, start, endOfSection(lines, start, end));
    start = end;
  }
}

/** A comment after the blank lines that end a section belongs to what follows. */
function endOfSection(lines: readonly IniLine[], start: number, end: number): number {
  let last = start;
  for (let at = start; at < end; at += 1) {
    const kind = lines[at]?.kind;
    if (kind !== 'blank' && kind !== 'comment') last = at;
  }
  let after = last + 1;
  while (after < end && lines[after]?.kind === 'comment') after += 1;
  while (after < end && lines[after]?.kind === 'blank') after += 1;
  return after;
}

function putFirst<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (!map.has(key)) map.set(key, value);
}
