import type { IniDocument } from './ini-document.js';
import { keyMeaning, sectionKind } from './manifest-grammar.js';
import type { Manifest } from './manifest.js';
import { reason, type Sentence } from '../../platform/texts/texts.js';

/**
 * Why a manifest seems to be only the beginning of one, as a half-sentence; null when nothing speaks for it. A source
 * that is being uploaded to sends what it has, with a length that agrees. Pure.
 * @param last what the same source said before, when it is known
 */
export function truncationSign(manifest: Manifest, last: IniDocument | null): Sentence | null {
  const { lines } = manifest.document;
  const end = lines.at(-1);
  if (end === undefined) return null;
  const missing = last === null ? undefined : sectionsOf(last)[sectionsOf(manifest.document).length];
  if (last !== null && missing !== undefined && isBeginning(sectionsOf(manifest.document), sectionsOf(last)))
    return reason('breaks-off.section', { section: printable(missing.slice(0, 80)) });
  if (end.eol !== '' || end.kind === 'blank' || lines.length === 1) return null;
  const before = last?.lines.at(-1);
  if (before !== undefined) return before.eol === '' || before.raw === end.raw ? null : reason('breaks-off.no-end');
  return end.kind === 'other' || endsInsideUnit(manifest) ? reason('breaks-off.line') : null;
}

/** The sign is stored and shown. */
function printable(section: string): string {
  return section.replace(/[^ -~]/g, '?');
}

function sectionsOf(document: IniDocument): string[] {
  return document.lines.filter((line) => line.kind === 'section').map((line) => (line.section ?? '').toLowerCase());
}

function isBeginning(part: readonly string[], whole: readonly string[]): boolean {
  return part.length > 0 && part.length < whole.length && part.every((section, at) => section === whole[at]);
}

/** The last line is a fault of its entry, or fewer increments stand there than were announced. */
function endsInsideUnit({ document: { lines }, owners, units }: Manifest): boolean {
  const unit = units.get(owners.at(-1) ?? '');
  if (unit === undefined) return false;
  if (unit.faults.some((fault) => fault.line === lines.length)) return true;
  let announced = 0;
  let present = 0;
  for (const index of unit.lines) {
    const { section = null, key = '', value = '' } = lines[index] ?? {};
    const kind = sectionKind(section);
    if (kind !== 'pattern' && kind !== 'engine') return false;
    const meaning = keyMeaning(kind, key);
    if (meaning.kind !== 'entry' || meaning.rest === null) continue;
    if (/^MergeCount$/i.test(meaning.rest)) announced = Number(value) || 0;
    if (/^Merge\.\d+$/i.test(meaning.rest)) present += 1;
  }
  return present < announced;
}
