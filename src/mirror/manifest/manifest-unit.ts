import type { IniDocument, IniLine } from './ini-document.js';
import {
  CONTROL_CHARACTER,
  isCountKey,
  keyMeaning,
  readEntry,
  readFurtherFile,
  readSectionFile,
  sectionKind,
} from './manifest-grammar.js';
import type { NamedFile } from './manifest-grammar.js';
import { fileKey, pathFault } from './manifest-path.js';
import { inEach } from '../../platform/texts/texts.js';
import { type ErrorText, type Fault, faultOf, saying } from '../../platform/errors/app-error.js';

/** Largest file that a manifest may name. */
const MAX_FILE_BYTES = 64 * 1024 ** 3;
/** Largest count of increments that is believed. */
const MAX_MERGE_COUNT = 100_000;

/** Most spellings of one file that are kept; each costs a request. */
const MAX_OTHER_SPELLINGS = 3;
/** Most faults that are told of one unit: one is enough to refuse it. */
const MAX_FAULTS = 50;
const ENTRY_ID = /^[PE]\./;

export type ManifestFaultCode =
  | 'path-unsafe'
  | 'path-conflict'
  | 'size-conflict'
  | 'size-absurd'
  | 'count-absurd'
  | 'entry-malformed'
  | 'duplicate-conflict';

type ManifestFaultText = Extract<ErrorText, ManifestFaultCode | `${ManifestFaultCode}.${string}`>;

export interface ManifestFault extends Fault {
  code: ManifestFaultCode;
  /** Line of the manifest, from 1. */
  line: number;
}

export interface FileReference {
  /** As spelled by the entry itself where it does, relative to the base, segments separated by `/`. Always a safe path. */
  path: string;
  /** As further lines spell it; a source may tell letter cases apart. */
  otherSpellings?: string[];
  /** What the file is known by: the path in lower case. */
  key: string;
  /** Bytes; null when the manifest does not say (absent, empty or 0). */
  size: number | null;
  role: 'full' | 'increment' | 'package';
  /** Raw version that an increment starts from. */
  fromVersion?: string;
}

export interface ManifestUnit {
  /** `P.<ID>`, `E.<ID>`, `Info_…`, or what manifest-owners.ts gives to lines outside these. */
  id: string;
  kind: 'pattern' | 'engine' | 'product';
  /** An engine's NAME. */
  name?: string;
  /** Raw text, leading zeros kept; for a product its Version and Build joined by a dot. */
  version: string | null;
  minimumVersion?: string;
  /** Path and size (bytes) of the whole file as the entry names it; the path may be an unsafe one: use `files`. */
  path?: string;
  size?: number | null;
  /** Indexes into the document's lines, ascending. */
  lines: number[];
  /** Each file once; those with an unsafe path are left out and are a fault. */
  files: FileReference[];
  /** What forbids to mirror this unit; empty for a sound one. */
  faults: ManifestFault[];
}

export function readUnit(document: IniDocument, id: string, lines: number[]): ManifestUnit {
  return new UnitReader(document, id, lines).read();
}

class UnitReader {
  private readonly unit: ManifestUnit;
  private readonly files = new Map<string, FileReference>();
  private readonly seen = new Map<string, string>();
  /** Keys of files that a line of the entry itself has spelled, not only a legacy twin. */
  private readonly spelled = new Set<string>();
  private entrySeen = false;

  constructor(
    private readonly document: IniDocument,
    id: string,
    lines: number[],
  ) {
    const kind = sectionKind(document.lines[lines[0] ?? 0]?.section ?? null);
    const unitKind = kind === 'pattern' || kind === 'engine' ? kind : 'product';
    this.unit = { id, kind: unitKind, version: null, lines, files: [], faults: [] };
  }

  read(): ManifestUnit {
    for (const index of this.unit.lines) {
      const line = this.document.lines[index];
      if (line) this.readLine(line, index);
    }
    this.unit.files = [...this.files.values()];
    if (!this.entrySeen && this.files.size > 0 && ENTRY_ID.test(this.unit.id)) {
      this.fault('entry-malformed.increments', { unit: this.unit.id }, this.unit.lines[0] ?? 0);
    }
    return this.unit;
  }

  private readLine(line: IniLine, index: number): void {
    // Nothing is read from it: what is would be stored and shown.
    if (CONTROL_CHARACTER.test(line.raw)) return this.fault('entry-malformed.control-characters', {}, index);
    if (line.kind !== 'pair') return;
    const { key = '', value = '' } = line;
    this.checkDuplicate(key, value, index);
    const kind = sectionKind(line.section);
    if (kind === 'pattern' || kind === 'engine') this.readEntryLine(kind, key, value, index);
    else if (kind === 'product' || kind === 'unknown') this.readProductLine(kind, key, value, index);
  }

  private readEntryLine(kind: 'pattern' | 'engine', key: string, value: string, index: number): void {
    const meaning = keyMeaning(kind, key);
    if (meaning.kind === 'entry' && meaning.rest === null) return this.readEntryItself(kind, key, value, index);
    if (isCountKey(meaning.kind === 'entry' ? (meaning.rest ?? '') : key)) return this.checkCount(key, value, index);
    const file = readFurtherFile(kind, key, value);
    if (file === 'malformed') return this.fault('entry-malformed.no-file', { key }, index);
    if (!file) return;
    const size = this.addFile(file, index, meaning.kind === 'entry');
    if (ENTRY_ID.test(this.unit.id) || this.unit.path !== undefined) return;
    this.unit.path = file.path;
    this.unit.size = size;
  }

  private readEntryItself(kind: 'pattern' | 'engine', key: string, value: string, index: number): void {
    this.entrySeen = true;
    const entry = readEntry(kind, value);
    if (!entry) return this.fault('entry-malformed.lacks', { key }, index);
    if (this.unit.version !== null) return void this.addFile(entry.file, index, true);
    this.unit.version = entry.version;
    this.unit.path = entry.file.path;
    this.unit.size = this.addFile(entry.file, index, true);
    if (entry.name !== undefined) this.unit.name = entry.name;
    if (entry.minimumVersion !== undefined) this.unit.minimumVersion = entry.minimumVersion;
  }

  private readProductLine(kind: 'product' | 'unknown', key: string, value: string, index: number): void {
    if (/^version$/i.test(key) && value !== '') this.unit.version = value;
    if (/^build$/i.test(key) && value !== '') {
      this.unit.version = this.unit.version === null ? value : `${this.unit.version}.${value}`;
    }
    const file = readSectionFile(kind, key, value);
    if (!file) return;
    const size = this.addFile(file, index);
    if (this.unit.path !== undefined) return;
    this.unit.path = file.path;
    this.unit.size = size;
  }

  /** The size in bytes, null when it is not known. */
  private addFile(file: NamedFile, index: number, ofEntry = false): number | null {
    const size = this.readSize(file, index);
    const why = pathFault(file.path);
    if (why !== null) {
      this.fault('path-unsafe', { path: JSON.stringify(file.path.slice(0, 200)), why }, index);
      return size;
    }
    const key = fileKey(file.path);
    const known = this.files.get(key);
    if (!known) {
      const { path, role, fromVersion } = file;
      this.files.set(key, { path, key, size, role, ...(fromVersion === undefined ? {} : { fromVersion }) });
      if (ofEntry) this.spelled.add(key);
      return size;
    }
    this.addSpelling(known, file.path, ofEntry);
    // A legacy twin may stand before the line that tells more.
    if (known.fromVersion === undefined && file.fromVersion !== undefined) known.fromVersion = file.fromVersion;
    if (known.size === null) known.size = size;
    else if (size !== null && size !== known.size) {
      this.fault('size-conflict', { path: file.path, size: known.size, other: size }, index);
    }
    return size;
  }

  private addSpelling(known: FileReference, path: string, ofEntry: boolean): void {
    const prefer = ofEntry && !this.spelled.has(known.key);
    if (ofEntry) this.spelled.add(known.key);
    if (path === known.path) return;
    const all = new Set([known.path, ...(known.otherSpellings ?? []), path]);
    if (prefer) known.path = path;
    all.delete(known.path);
    known.otherSpellings = [...all].slice(0, MAX_OTHER_SPELLINGS);
  }

  private readSize(file: NamedFile, index: number): number | null {
    const text = file.sizeText ?? '';
    if (/^0*$/.test(text)) return null;
    const size = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
    if (size <= MAX_FILE_BYTES) return size;
    this.fault('size-absurd', { size: JSON.stringify(text.slice(0, 40)) }, index);
    return null;
  }

  private checkCount(key: string, value: string, index: number): void {
    if (/^\d{1,10}$/.test(value) && Number(value) <= MAX_MERGE_COUNT) return;
    this.fault('count-absurd', { key, count: JSON.stringify(value.slice(0, 40)) }, index);
  }

  private checkDuplicate(key: string, value: string, index: number): void {
    const name = key.toLowerCase();
    const content = value.replace(/\s/g, '');
    const earlier = this.seen.get(name);
    if (earlier === undefined) this.seen.set(name, content);
    else if (earlier !== content) this.fault('duplicate-conflict', { key }, index);
  }

  private fault(text: ManifestFaultText, values: Record<string, unknown>, index: number): void {
    addFault(this.unit, text, values, index);
  }
}

export function addFault(
  unit: ManifestUnit,
  said: ManifestFaultText,
  values: Record<string, unknown>,
  index = unit.lines[0] ?? 0,
): void {
  if (unit.faults.length >= MAX_FAULTS) return;
  const { code, text } = saying(said, values);
  const short = inEach((language) => text[language].slice(0, 500));
  unit.faults.push({ ...faultOf({ code, text: short }), code: code as ManifestFaultCode, line: index + 1 });
}
