import type { IniLine } from './ini-document.js';

/** No line of an entry has one; tabs are white space. */
export const CONTROL_CHARACTER = /[\u0000-\u0008\u000b-\u001f\u007f]/;

/** What one line of the manifest is about; ids and names in upper case, `rest` as spelled after the id's dot. */
export type KeyMeaning =
  /** `P.<id>`, `P.<id>.<rest>`, and the same with E. */
  | { kind: 'entry'; id: string; rest: string | null }
  /** Legacy twin with a name: `Path_<NAME>`, `MergePath_<NAME>.<n>`, `MergeCount_<NAME>`. */
  | { kind: 'named-twin'; prefix: string; name: string }
  /** Legacy twin of the virus pattern: `Version`, `Merge.<n>`, `MergeCount…`. */
  | { kind: 'bare-twin' }
  | { kind: 'unknown' };

export type SectionKind = 'pattern' | 'engine' | 'server' | 'product' | 'listing' | 'unknown';

/** `listing`: sections that name versions and products, whose values look like files but never are. */
export function sectionKind(section: string | null): SectionKind {
  const name = (section ?? '').toLowerCase();
  if (name === 'pattern' || name === 'engine' || name === 'server') return name;
  if (name === '' || name === 'common' || name === 'exclusion' || name === 'all_product') return 'listing';
  return name.startsWith('info_') ? 'product' : 'unknown';
}

export function keyMeaning(kind: 'pattern' | 'engine', key: string): KeyMeaning {
  const entry = /^([PE])\.([^.\s]{1,64})(?:\.(.+))?$/i.exec(key);
  if (entry?.[1]?.toUpperCase() === (kind === 'pattern' ? 'P' : 'E')) {
    return { kind: 'entry', id: `${entry[1].toUpperCase()}.${(entry[2] ?? '').toUpperCase()}`, rest: entry[3] ?? null };
  }
  const named = /^(Path|MergePath|Merge|MergeCount|Version)_([^.]{1,64})(?:\.|$)/i.exec(key);
  if (named) {
    return { kind: 'named-twin', prefix: (named[1] ?? '').toLowerCase(), name: (named[2] ?? '').toUpperCase() };
  }
  if (kind === 'pattern' && isBareTwin(key)) return { kind: 'bare-twin' };
  return { kind: 'unknown' };
}

/** Legacy keys that carry no name at all: `Version`, `Merge.1`, `MergeCount`, `MergeCountEx`, `MergeIU.1`. */
export function isBareTwin(key: string): boolean {
  return /^(?:Version|Merge[A-Za-z]*(?:\.\d+)?)$/i.test(key);
}

/** `Merge.1`, `MergeEx.1`, `IU.1`, … after the id of an entry. */
export function isIncrementRest(rest: string): boolean {
  return !isCountKey(rest) && /^(?:Merge|IU)[A-Za-z]*(?:\.|$)/i.test(rest);
}

export function isCountKey(keyOrRest: string): boolean {
  return /^MergeCount(?:[A-Za-z]*$|_)/i.test(keyOrRest);
}

/** A file as one line names it, every field raw and trimmed. */
export interface NamedFile {
  path: string;
  sizeText: string | undefined;
  /** FROM-version of an increment; field 1 of the value. */
  fromVersion?: string;
  role: 'full' | 'increment' | 'package';
}

/** `P.<id>` or `E.<id>` itself. */
export interface EntryFields {
  name?: string;
  version: string;
  minimumVersion?: string;
  file: NamedFile;
}

/** The trimmed fields of a value; no line of the grammar has more than five, a hostile one could have millions. */
export function fields(value: string): string[] {
  return value.split(',', 8).map((field) => field.trim());
}

/** `path, version[, size]` or `NAME, path, version[, size[, minimum]]`; null when a field that must be there is not. */
export function readEntry(kind: 'pattern' | 'engine', value: string): EntryFields | null {
  const all = fields(value);
  const [path, version, sizeText, minimumVersion] = kind === 'engine' ? all.slice(1) : all;
  const name = kind === 'engine' ? all[0] : undefined;
  if (!path || version === undefined || !/^[!-~][ -~]{0,63}$/.test(version) || name === '') return null;
  return {
    version,
    file: { path, sizeText, role: 'full' },
    ...(name === undefined ? {} : { name }),
    ...(minimumVersion ? { minimumVersion } : {}),
  };
}

/** The file that any other line of [PATTERN] or [ENGINE] names; `malformed` for an increment that names none. */
export function readFurtherFile(
  kind: 'pattern' | 'engine',
  key: string,
  value: string,
): NamedFile | 'malformed' | null {
  const meaning = keyMeaning(kind, key);
  const all = fields(value);
  const path = all[0] ?? '';
  if (meaning.kind === 'entry' && meaning.rest !== null) {
    if (isCountKey(meaning.rest)) return null;
    if (!isIncrementRest(meaning.rest)) return readAnyFile(meaning.rest, value);
    if (path === '' || /^\d*$/.test(value)) return null;
    if (all.length === 1 && !looksLikePath(path)) return 'malformed';
    return all.length < 3
      ? { path, sizeText: all[1], role: 'increment' }
      : { path, sizeText: all[2], role: 'increment', ...(all[1] ? { fromVersion: all[1] } : {}) };
  }
  if (meaning.kind === 'named-twin' && (meaning.prefix === 'path' || meaning.prefix === 'mergepath')) {
    if (path === '') return null;
    if (meaning.prefix === 'mergepath') return { path, sizeText: all[1], role: 'increment' };
    if (kind === 'pattern') return { path, sizeText: all.length > 2 ? all[2] : all[1], role: 'full' };
    // An engine's twin has the version between path and size; with two fields the second is the version.
    return { path, sizeText: all[2], role: 'full' };
  }
  return meaning.kind === 'bare-twin' ? null : readAnyFile(key, value);
}

/** The file that a line of a product's section, or of a section that we do not know, names. */
export function readSectionFile(kind: 'product' | 'unknown', key: string, value: string): NamedFile | null {
  if (kind === 'unknown' || !/(?:^|_)path$/i.test(key)) return readAnyFile(key, value);
  const [path = '', sizeText] = fields(value);
  return path === '' ? null : { path, sizeText, role: 'package' };
}

/** `path, size` or `path, something, size` under a key that we do not know. */
function readAnyFile(key: string, value: string): NamedFile | null {
  const all = fields(value);
  const path = all[0] ?? '';
  const size = all.at(-1) ?? '';
  if (all.length < 2 || all.length > 3 || !/^\d+$/.test(size)) return null;
  const named = looksLikePath(path) || looksLikePathWithSpaces(path) || (saysPath(key) && /[a-z]/i.test(path));
  if (!named) return null;
  return { path, sizeText: size, role: 'package' };
}

/** `Path`, `Update_Path`, `Path_<NAME>`, `MergePath_<NAME>.<n>`. */
function saysPath(key: string): boolean {
  return /(?:^|[._])(?:Merge)?Path(?:$|[._])/i.test(key);
}

function looksLikePath(text: string): boolean {
  if (/\s/.test(text)) return false;
  return /[/\\]/.test(text) || /[^\d.]\.[a-z][a-z0-9]{0,4}$/i.test(text);
}

/** Names of products hold white space and slashes too ("Client/Server Suite 3.x"), but no extension. */
function looksLikePathWithSpaces(text: string): boolean {
  return /[/\\]/.test(text) && /[^\s.]\.[a-z][a-z0-9]{1,4}$/i.test(text);
}

/** The file that a line names under the grammar of its section, or null; `malformed` counts as naming one. */
export function namesFile(line: Pick<IniLine, 'section' | 'kind' | 'key' | 'value'>): boolean {
  if (line.kind !== 'pair' || line.key === undefined || line.value === undefined) return false;
  const kind = sectionKind(line.section);
  if (kind === 'listing' || kind === 'server') return false;
  if (kind !== 'pattern' && kind !== 'engine') return readSectionFile(kind, line.key, line.value) !== null;
  const meaning = keyMeaning(kind, line.key);
  if (meaning.kind === 'entry' && meaning.rest === null) return true;
  return readFurtherFile(kind, line.key, line.value) !== null;
}
