import { IniDocument } from './ini-document.js';
import type { IniLine } from './ini-document.js';
import { isBareTwin, isIncrementRest, keyMeaning, sectionKind } from './manifest-grammar.js';
import { hostHider, hostsToHide, withoutServer } from './manifest-hosts.js';
import { Manifest } from './manifest.js';
import { withVariant } from './version.js';
import type { VariantSuffix } from './version.js';

/** One unit's lines as text, to be kept with its release. Plain JSON. */
export interface UnitLines {
  unitId: string;
  /** In their order, each with the section that it stands in, without line ends; a product's header included. */
  lines: { section: string; text: string }[];
}

/** What becomes of a unit: as upstream has it, left out, or other lines in its place. */
export type UnitDecision = 'keep' | 'drop' | UnitLines;

export interface ComposeOptions {
  /** Hosts of the configured sources (host, host:port or URL): must not appear in the result. */
  upstreamHosts: readonly string[];
}

/** A unit's lines, without the blank ones; null when the manifest has no such unit. */
export function extractUnit(manifest: Manifest, unitId: string): UnitLines | null {
  const unit = manifest.units.get(unitId);
  if (!unit) return null;
  const lines = unit.lines.flatMap((index) => {
    const line = manifest.document.lines[index];
    return line && line.kind !== 'blank' ? [{ section: line.section ?? '', text: line.raw }] : [];
  });
  return { unitId, lines };
}

/** Ids of the units that are new in `b`, gone from it, or have other lines there. */
export function changedUnits(a: Manifest, b: Manifest): string[] {
  return [...new Set([...a.units.keys(), ...b.units.keys()])].filter(
    (id) => !sameLines(extractUnit(a, id), extractUnit(b, id)),
  );
}

/** Whether what no unit owns ([Common], [EXCLUSION], comments, …) says the same in both; blank lines say nothing. */
export function sameOwnerlessLines(a: Manifest, b: Manifest): boolean {
  const ours = ownerlessLines(a);
  const theirs = ownerlessLines(b);
  return ours.length === theirs.length && ours.every((raw, at) => raw === theirs[at]);
}

function ownerlessLines({ document, owners }: Manifest): string[] {
  return document.lines
    .filter((line, index) => (owners[index] ?? null) === null && line.kind !== 'blank')
    .map((line) => line.raw);
}

function sameLines(a: UnitLines | null, b: UnitLines | null): boolean {
  return JSON.stringify(a?.lines) === JSON.stringify(b?.lines);
}

/**
 * The manifest to publish: upstream's, with each unit as decided (units not named are kept), without [Server] entries
 * and without upstream's hosts. Only the lines that this concerns differ from upstream's. Lines put back stand where the
 * unit's lines stood one by one, or when it has other keys now all together where its first line stood, or at the end of
 * their section when upstream no longer lists the unit.
 */
export function composeManifest(
  upstream: Manifest,
  decisions: ReadonlyMap<string, UnitDecision>,
  options: ComposeOptions,
): Buffer {
  const { document } = upstream;
  const edit = new Composition(upstream, decisions);
  const hide = hostHider(hostsToHide(document.lines, options.upstreamHosts));
  const text: string[] = [];
  for (const line of edit.compose()) {
    const raw = sectionKind(line.section) === 'server' ? withoutServer(line) : hide(line);
    if (raw === null) continue;
    // A line that stood last without an end now has others after it.
    if (text.length > 0 && text.at(-1) === '') text.push(document.eol);
    text.push(raw, line.eol);
  }
  return Buffer.from(text.join(''), 'latin1');
}

class Composition {
  /** Units whose lines differ from upstream's. */
  private readonly replaced = new Map<string, UnitLines>();
  private readonly dropped = new Set<string>();
  /** Lines that take the places of upstream's one by one, so that those around them keep theirs. */
  private readonly aligned = new Map<string, IniLine[]>();
  private result: IniLine[] = [];

  constructor(
    private readonly upstream: Manifest,
    decisions: ReadonlyMap<string, UnitDecision>,
  ) {
    for (const [id, decision] of decisions) {
      if (decision === 'keep') continue;
      if (decision === 'drop') this.dropped.add(id);
      else if (!sameLines(decision, extractUnit(upstream, id))) this.replaced.set(id, decision);
    }
  }

  compose(): IniLine[] {
    const settled = this.settleLegacyKeys();
    const emptied = this.emptiedSections();
    const { lines } = this.upstream.document;
    const placed = new Set<string>();
    this.align();
    lines.forEach((line, index) => {
      const owner = this.upstream.owners[index] ?? null;
      if (owner === null) {
        const gone = settled.has(keyOf(line)) || emptied.has((line.section ?? '').toLowerCase());
        if (!gone) this.result.push(line);
      } else if (!this.dropped.has(owner)) {
        const other = this.replaced.get(owner);
        const twin = this.aligned.get(owner);
        if (!other || (line.kind === 'blank' && other.lines.length > 0)) this.result.push(line);
        else if (twin !== undefined) {
          placed.add(owner);
          this.result.push(...twin.splice(0, 1).map((ours) => ({ ...ours, eol: line.eol })));
        } else if (!placed.has(owner)) {
          placed.add(owner);
          this.render(other.lines).forEach((rendered) => this.result.push(rendered));
        }
      }
    });
    for (const [id, unit] of this.replaced) if (!placed.has(id) && unit.lines.length > 0) this.append(unit);
    return this.result;
  }

  /** A unit that is put back with the same keys in the same order, as every next release has them. */
  private align(): void {
    for (const [id, unit] of this.replaced) {
      const theirs = extractUnit(this.upstream, id)?.lines.map(parseLine) ?? [];
      const ours = this.render(unit.lines);
      const same = (line: IniLine, at: number): boolean =>
        line.kind === ours[at]?.kind && line.section === ours[at].section && line.key === ours[at].key;
      if (theirs.length === ours.length && theirs.every(same)) this.aligned.set(id, ours);
    }
  }

  /** Sections that upstream still has, without a file, of products that are put back. */
  private emptiedSections(): Set<string> {
    const units = [...this.replaced.values()].filter(({ unitId }) => !this.upstream.units.has(unitId));
    const names = units.map(({ lines }) => (lines[0]?.section ?? '').toLowerCase());
    return new Set(names.filter((name) => ['product', 'unknown'].includes(sectionKind(name))));
  }

  /**
   * Legacy keys (`Version`, `Merge.1`, …) exist once per section, whichever unit they speak of. Lines that are put back
   * give way to those of another unit that stays, and take the place of those that belong to nobody. Returns the keys
   * whose ownerless lines go.
   */
  private settleLegacyKeys(): Set<string> {
    const settled = new Set<string>();
    if (this.replaced.size === 0) return settled;
    const taken = new Set<string>();
    this.upstream.document.lines.forEach((line, index) => {
      const owner = this.upstream.owners[index] ?? null;
      if (owner !== null && !this.dropped.has(owner) && !this.replaced.has(owner) && line.kind === 'pair') {
        taken.add(keyOf(line));
      }
    });
    for (const [id, unit] of this.replaced) {
      const lines = unit.lines.map((line) => ({ ...line, key: keyOf(parseLine(line)) }));
      const bareTaken = lines.some(({ key }) => taken.has(key) && isBareKey(key));
      const kept = lines.filter(({ key }) => key === '' || !(taken.has(key) || (bareTaken && isBareKey(key))));
      kept.forEach(({ key }) => key !== '' && settled.add(key));
      kept.forEach(({ key }) => key !== '' && taken.add(key));
      this.replaced.set(id, { unitId: id, lines: kept.map(({ section, text }) => ({ section, text })) });
    }
    return settled;
  }

  private render(lines: UnitLines['lines']): IniLine[] {
    const { eol } = this.upstream.document;
    return lines.map((line) => ({ ...parseLine(line), eol }));
  }

  /** Puts a unit that upstream no longer lists at the end of its section, a product at the end of the file. */
  private append(unit: UnitLines): void {
    const section = unit.lines[0]?.section ?? '';
    const kind = sectionKind(section);
    const rendered = this.render(unit.lines);
    if (kind === 'pattern' || kind === 'engine') {
      const last = this.result.findLastIndex((line) => sectionKind(line.section) === kind && line.kind !== 'blank');
      if (last !== -1) {
        this.result = [...this.result.slice(0, last + 1), ...rendered, ...this.result.slice(last + 1)];
        return;
      }
      rendered.unshift(...this.render([{ section, text: `[${section}]` }]));
    }
    const previous = this.result.at(-1);
    if (previous && previous.kind !== 'blank')
      this.result.push(...this.render([{ section: previous.section ?? '', text: '' }]));
    this.result = [...this.result, ...rendered];
  }
}

/** Reads one line again as it stands in its section. */
function parseLine(line: { section: string; text: string }): IniLine {
  const [read] = IniDocument.parse(Buffer.from(line.text, 'latin1')).lines;
  return read ? { ...read, section: line.section } : { raw: '', eol: '', section: line.section, kind: 'blank' };
}

/** Section kind and key of a pair in [PATTERN] or [ENGINE], where keys are unique; '' for any other line. */
function keyOf(line: IniLine): string {
  const kind = sectionKind(line.section);
  if (line.kind !== 'pair' || (kind !== 'pattern' && kind !== 'engine')) return '';
  return `${kind} ${(line.key ?? '').toLowerCase()}`;
}

function isBareKey(key: string): boolean {
  return key.startsWith('pattern ') && isBareTwin(key.slice('pattern '.length));
}

/**
 * The same manifest with the given pattern units in another variant: the version of `P.<id>` and the FROM-versions of
 * its increments change their last two digits (00 ↔ 80), and nothing else changes. Three-digit legacy twins, paths and
 * sizes stay: payload and signatures are the same files.
 */
export function applyVariant(manifest: Manifest, unitIds: readonly string[], suffix: VariantSuffix): Buffer {
  const wanted = new Set(unitIds);
  const text = manifest.document.lines.map((line, index) => {
    const owner = manifest.owners[index] ?? null;
    return (owner !== null && wanted.has(owner) ? withLineVariant(line, suffix) : line.raw) + line.eol;
  });
  return Buffer.from(text.join(''), 'latin1');
}

function withLineVariant(line: IniLine, suffix: VariantSuffix): string {
  if (line.kind !== 'pair' || sectionKind(line.section) !== 'pattern') return line.raw;
  const meaning = keyMeaning('pattern', line.key ?? '');
  if (meaning.kind !== 'entry') return line.raw;
  const increment = meaning.rest !== null;
  if (increment && !isIncrementRest(meaning.rest ?? '')) return line.raw;
  const all = line.raw.split(',');
  const version = all[1];
  // An increment of two fields has a size there, no version.
  if (version === undefined || (increment && all.length < 3)) return line.raw;
  all[1] = version.replace(/\d+/, (digits) => (version.trim() === digits ? withVariant(digits, suffix) : digits));
  return all.join(',');
}
