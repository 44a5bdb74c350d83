import { AppError } from '../../platform/errors/app-error.js';
import type { Component } from '../catalogue/component.entity.js';
import { IniDocument, trailingCommentStart, type IniLine } from '../manifest/ini-document.js';
import {
  isCountKey,
  isIncrementRest,
  keyMeaning,
  readFurtherFile,
  sectionKind,
  type KeyMeaning,
} from '../manifest/manifest-grammar.js';
import { extractUnit, type UnitLines } from '../manifest/manifest-edit.js';
import { fileKey } from '../manifest/manifest-path.js';
import type { Manifest, ManifestUnit } from '../manifest/manifest.js';
import type { Numbering } from '../manifest/version.js';
import { leadingUnit } from './mirror-plan.js';

export interface UploadPlaceInput {
  component: Pick<Component, 'id' | 'numbering' | 'entries'>;
  /** What the channel publishes now; null when it has nothing yet. */
  published: Manifest | null;
  /** Name as it will stand in the tree, without a folder. */
  fileName: string;
  /** Bytes. */
  size: number;
  /** Raw. */
  version: string;
}

/** Where an uploaded file goes in the tree, and which lines of the manifest name it (none for a component without entries). */
export interface UploadPlace {
  path: string;
  lines: UnitLines[];
  /** Those of the component's published entries that stay as they are: packages for other platforms. */
  kept: ManifestUnit[];
}

/** What the legacy twins of the virus pattern are called. */
const VIRUS_PATTERN = 'P.4';
const VIRUS_PATTERN_TWIN = 'Path_VSAPI';

/**
 * The lines of an uploaded release: those that are published, with file, version and size replaced, without increments and with
 * every count of them at 0 (activeupdate §2: the vendor's own procedure for a file copied by hand); where nothing is published, the
 * least that the grammar allows. Of several entries of a component it is the leading one that changes, together with those that name
 * the same file; the others keep theirs. Pure.
 * @throws AppError `upload-unsupported` for a component that is a product's section.
 */
export function placeUpload(input: UploadPlaceInput): UploadPlace {
  const { component, published, fileName, version } = input;
  const [preferred] = component.entries;
  if (preferred === undefined) return { path: `custom/${component.id}/${version}/${fileName}`, lines: [], kept: [] };
  const units = component.entries.flatMap((entry) => publishedUnit(published, entry) ?? []);
  const leading = units.length === 0 ? undefined : leadingUnit(component.entries, units);
  const id = leading?.id ?? preferred.toUpperCase();
  if (!/^[PE]\./.test(id))
    throw new AppError('unprocessable', 'upload-unsupported', {
      details: { component: component.id, entry: id },
    });
  if (leading === undefined || published === null) return synthesised(input, id);
  const path = folderOf(leading, id) + fileName;
  const others = units.filter((unit) => unit !== leading);
  const isTwin = (unit: ManifestUnit): boolean => fileKey(unit.path ?? '') === fileKey(leading.path ?? '');
  const kept = others.filter((unit) => !isTwin(unit) && unit.files.every((file) => file.key !== fileKey(path)));
  const rewritten = [leading, ...others.filter(isTwin)].map((unit): UnitLines => {
    const rewriting = new Rewriting({ ...input, path, before: unit });
    return { unitId: unit.id, lines: linesOf(published, unit).flatMap((line) => rewriting.line(line)) };
  });
  const untouched = kept.map((unit): UnitLines => ({ unitId: unit.id, lines: linesOf(published, unit) }));
  return { path, lines: [...rewritten, ...untouched], kept };
}

function linesOf(published: Manifest, unit: ManifestUnit): UnitLines['lines'] {
  return extractUnit(published, unit.id)?.lines ?? [];
}

function publishedUnit(published: Manifest | null, entry: string): ManifestUnit | undefined {
  return published?.units.get(entry.toUpperCase()) ?? published?.units.get(entry);
}

function folderOf(unit: Pick<ManifestUnit, 'path'>, id: string): string {
  const slash = unit.path?.lastIndexOf('/') ?? -1;
  if (slash !== -1) return unit.path?.slice(0, slash + 1) ?? '';
  return unit.path === undefined ? `${id.startsWith('P.') ? 'pattern' : 'engine'}/` : '';
}

function synthesised({ component, fileName, size, version }: UploadPlaceInput, id: string): UploadPlace {
  const pattern = id.startsWith('P.');
  const path = folderOf({}, id) + fileName;
  const section = pattern ? 'PATTERN' : 'ENGINE';
  const twins =
    id === VIRUS_PATTERN
      ? [`Version=${legacyVersion(version, component.numbering)}`, `${VIRUS_PATTERN_TWIN}=${path}, ${size}`]
      : [];
  const name = component.id.replaceAll('-', '_').toUpperCase();
  const entry = pattern ? `${id}=${path}, ${version}, ${size}` : `${id}=${name}, ${path}, ${version}, ${size}`;
  return { path, lines: [{ unitId: id, lines: [...twins, entry].map((text) => ({ section, text })) }], kept: [] };
}

/** `Version=` and its like carry the three digits of a virus pattern: 1724100 → 241; any other numbering as it stands. */
export function legacyVersion(version: string, numbering: Numbering): string {
  const value = Number(version);
  if (numbering !== 'vsapi' || !Number.isSafeInteger(value) || value < 100_000) return version;
  return String(Math.floor(value / 100) % 1000).padStart(3, '0');
}

interface RewriteInput extends UploadPlaceInput {
  path: string;
  before: ManifestUnit;
}

class Rewriting {
  constructor(private readonly input: RewriteInput) {}

  /** The line as it stands in the new release; none when it named what the release does not have. */
  line(line: UnitLines['lines'][number]): UnitLines['lines'] {
    const [read] = IniDocument.parse(Buffer.from(line.text, 'latin1')).lines;
    const kind = sectionKind(line.section);
    if (read?.kind !== 'pair' || (kind !== 'pattern' && kind !== 'engine')) return [line];
    const text = this.rewrite(kind, read, keyMeaning(kind, read.key ?? ''));
    return text === null ? [] : [{ section: line.section, text }];
  }

  private rewrite(kind: 'pattern' | 'engine', line: IniLine, meaning: KeyMeaning): string | null {
    const { version, size, path, component } = this.input;
    const { key = '', value = '' } = line;
    const rest = meaning.kind === 'entry' ? meaning.rest : null;
    if (meaning.kind === 'entry' && rest === null)
      return withFields(line.raw, [...(kind === 'engine' ? [null] : []), path, version, String(size)]);
    if (isCountKey(rest ?? key)) return withFields(line.raw, ['0']);
    if (rest !== null && isIncrementRest(rest)) return null;
    if (meaning.kind === 'bare-twin')
      return /^version$/i.test(key) ? withFields(line.raw, [legacyVersion(version, component.numbering)]) : null;
    if (meaning.kind === 'named-twin') return this.namedTwin(kind, line, meaning.prefix);
    // Whatever else names a file names one of the earlier release.
    return readFurtherFile(kind, key, value) === null ? line.raw : null;
  }

  private namedTwin(kind: 'pattern' | 'engine', line: IniLine, prefix: string): string | null {
    const { version, size, path, component } = this.input;
    if (prefix === 'version') return withFields(line.raw, [legacyVersion(version, component.numbering)]);
    if (prefix !== 'path') return null;
    const count = (line.value ?? '').split(',').length;
    if (kind === 'pattern') {
      const twin = legacyVersion(version, component.numbering);
      return withFields(line.raw, count > 2 ? [path, twin, String(size)] : [path, String(size)]);
    }
    return withFields(line.raw, [path, this.shortened(line), ...(count > 2 ? [String(size)] : [])]);
  }

  /** An engine's twin leaves out the last parts of the version; so does the new one. */
  private shortened(line: IniLine): string {
    const was = (line.value ?? '').split(',')[1]?.trim() ?? '';
    const parts = was === this.input.before.version ? undefined : was.split('.').length;
    return this.input.version.split('.').slice(0, parts).join('.');
  }
}

/** The line with other fields, in its own spacing; null leaves a field as it is. */
function withFields(raw: string, values: readonly (string | null)[]): string {
  const start = raw.indexOf('=') + 1;
  const rest = raw.slice(start);
  const comment = trailingCommentStart(rest);
  const fields = (comment === -1 ? rest : rest.slice(0, comment)).split(',');
  values.forEach((value, at) => {
    if (value === null) return;
    // A pattern for both ends would look at each blank again and again, and the line comes from elsewhere.
    const field = fields[at] ?? ' ';
    const text = field.trimStart();
    fields[at] = field.slice(0, field.length - text.length) + value + text.slice(text.trimEnd().length);
  });
  return raw.slice(0, start) + fields.join(',') + (comment === -1 ? '' : rest.slice(comment));
}
