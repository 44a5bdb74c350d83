/**
 * The reading half of the reference client: written from the public grammar alone and sharing nothing with
 * `src/mirror/manifest`, so that the same misunderstanding cannot hide on both sides.
 */

export interface NamedFile {
  /** As spelled in the manifest. */
  path: string;
  size: number;
  /** `[SECTION] key` of every line that names it. */
  namedBy: string[];
}

interface Entry {
  section: string;
  key: string;
  fields: string[];
}

function entriesOf(ini: Buffer): Entry[] {
  const entries: Entry[] = [];
  let section = '';
  for (const line of ini
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .split(/\r?\n/)) {
    const header = /^\s*\[(.+)\]\s*$/.exec(line);
    if (header) section = header[1]!.trim();
    else if (!/^\s*;/.test(line) && line.includes('=')) {
      const at = line.indexOf('=');
      const fields = line
        .slice(at + 1)
        .split(',')
        .map((field) => field.trim());
      entries.push({ section, key: line.slice(0, at).trim(), fields });
    }
  }
  return entries;
}

/** Where a line carries path and size, by the shape of its key; undefined for lines that name no file. */
function pathAndSize({ section, key, fields }: Entry): [string, number] | undefined {
  const take = (path: number, size: number): [string, number] => [fields[path] ?? '', Number(fields[size])];
  const where = section.toUpperCase();
  if (where === 'PATTERN') {
    if (/^Path_\w+$/i.test(key) || /^MergePath_\w+\.\d+$/i.test(key)) return take(0, 1);
    if (/^P\.[0-9A-F]+(\.Merge\.\d+)?$/i.test(key)) return take(0, 2);
  }
  if (where === 'ENGINE') {
    if (/^E\.[0-9A-F]+$/i.test(key)) return take(1, 3);
    if (/^Path_\w+$/i.test(key)) return take(0, 2);
  }
  if (where.startsWith('INFO_') && /^(Update_)?Path$/i.test(key) && fields[0] !== '') return take(0, 1);
  return undefined;
}

/** Every file that the manifest names, once each (paths ignore letter case). Conflicting sizes end up in `problems`. */
export function filesNamedBy(ini: Buffer): { files: NamedFile[]; problems: string[] } {
  const files = new Map<string, NamedFile>();
  const problems: string[] = [];
  for (const entry of entriesOf(ini)) {
    const named = pathAndSize(entry);
    if (!named) continue;
    const [path, size] = named;
    const by = `[${entry.section}] ${entry.key}`;
    if (path === '' || !Number.isSafeInteger(size) || size < 0) {
      problems.push(`${by}: no usable path and size`);
      continue;
    }
    const known = files.get(path.toLowerCase());
    if (!known) files.set(path.toLowerCase(), { path, size, namedBy: [by] });
    else {
      known.namedBy.push(by);
      if (known.size !== size)
        problems.push(`${by}: ${path} has ${size} bytes here and ${known.size} in ${known.namedBy[0]}`);
    }
  }
  return { files: [...files.values()], problems };
}

export interface ManifestDifference {
  /** The line, with its CR if it has one; absent where it exists on the other side only. */
  upstream?: string;
  mirror?: string;
}

/** Lines outside `[Server]` that differ, line ends included. Equal manifests give an empty list. */
export function compareManifests(upstreamIni: Buffer, mirrorIni: Buffer): ManifestDifference[] {
  const upstream = linesOutsideServer(upstreamIni);
  const mirror = linesOutsideServer(mirrorIni);
  const differences: ManifestDifference[] = [];
  let u = 0;
  let m = 0;
  while (u < upstream.length || m < mirror.length) {
    if (u < upstream.length && upstream[u] === mirror[m]) {
      u++;
      m++;
      continue;
    }
    // Find the nearest place where both agree again; what lies before it is different.
    const [skipUpstream, skipMirror] = resynchronise(upstream, u, mirror, m);
    for (let i = 0; i < Math.max(skipUpstream, skipMirror); i++) {
      const difference: ManifestDifference = {};
      if (i < skipUpstream) difference.upstream = upstream[u + i]!;
      if (i < skipMirror) difference.mirror = mirror[m + i]!;
      differences.push(difference);
    }
    u += skipUpstream;
    m += skipMirror;
  }
  return differences;
}

function resynchronise(a: string[], i: number, b: string[], j: number): [number, number] {
  const rest = a.length - i + (b.length - j);
  for (let distance = 1; distance <= rest; distance++) {
    // A changed line (one on each side) is likelier than a dropped one: look along the diagonal first.
    const middle = distance / 2;
    const skips = Array.from({ length: distance + 1 }, (_, skip) => skip);
    for (const skip of skips.sort((x, y) => Math.abs(x - middle) - Math.abs(y - middle))) {
      const [x, y] = [i + skip, j + distance - skip];
      if (x < a.length && y < b.length && a[x] === b[y] && a[x]!.trim() !== '') return [skip, distance - skip];
    }
  }
  return [a.length - i, b.length - j];
}

function linesOutsideServer(ini: Buffer): string[] {
  let inServer = false;
  return ini
    .toString('latin1')
    .split('\n')
    .filter((line) => {
      const header = /^\s*\[(.+)\]\s*$/.exec(line);
      if (header) inServer = header[1]!.trim().toLowerCase() === 'server';
      return !inServer;
    });
}

/**
 * Whether a manifest agrees with itself and with what is served: counts equal the lines, numbering has no gaps, legacy
 * twins repeat their originals, every file named is there in the size named.
 * @param held size in bytes by path; letter case is ignored
 */
export function checkConsistency(ini: Buffer, held: ReadonlyMap<string, { size: number }>): string[] {
  const { files, problems } = filesNamedBy(ini);
  const entries = entriesOf(ini);
  const sizes = new Map([...held].map(([path, { size }]) => [path.toLowerCase(), size]));
  for (const { path, size, namedBy } of files) {
    const present = sizes.get(path.toLowerCase());
    if (present === undefined) problems.push(`${namedBy[0]}: ${path} is not served`);
    else if (present !== size) problems.push(`${namedBy[0]}: ${path} has ${present} bytes, not ${size}`);
  }
  const seen = new Set<string>();
  for (const { section, key } of entries) {
    const whole = `[${section}] ${key}`.toLowerCase();
    if (seen.has(whole)) problems.push(`[${section}] ${key}: appears twice`);
    seen.add(whole);
  }
  return [...problems, ...countProblems(entries), ...twinProblems(entries)];
}

function countProblems(entries: Entry[]): string[] {
  const problems: string[] = [];
  const patterns = entries.filter(({ section }) => section.toUpperCase() === 'PATTERN');
  const counted = new Set<string>();
  for (const { key, fields } of patterns) {
    const count = /^(.*?)MergeCount\w*$/i.exec(key);
    if (!count) continue;
    const prefix = count[1]!.toLowerCase();
    counted.add(prefix);
    const numbers = mergeNumbers(patterns, prefix);
    if (numbers.length !== Number(fields[0]))
      problems.push(`${key}=${fields[0]}, but there are ${numbers.length} lines`);
    if (numbers.some((number, index) => number !== index + 1)) problems.push(`${key}: the numbering has gaps`);
  }
  for (const { key } of patterns) {
    const merge = /^(.*?)Merge\.\d+$/i.exec(key);
    if (merge && !counted.has(merge[1]!.toLowerCase())) problems.push(`${key}: nothing counts it`);
  }
  return problems;
}

function mergeNumbers(patterns: Entry[], prefix: string): number[] {
  const numbers: number[] = [];
  for (const { key } of patterns) {
    const merge = /^(.*?)Merge\.(\d+)$/i.exec(key);
    if (merge && merge[1]!.toLowerCase() === prefix) numbers.push(Number(merge[2]));
  }
  return numbers.sort((a, b) => a - b);
}

function twinProblems(entries: Entry[]): string[] {
  const problems: string[] = [];
  const inSection = (name: string): Map<string, Entry> =>
    new Map(
      entries.filter(({ section }) => section.toUpperCase() === name).map((entry) => [entry.key.toLowerCase(), entry]),
    );
  const patterns = inSection('PATTERN');
  const expectSame = (twin: string, actual: string[] | undefined, expected: string[] | undefined): void => {
    if (String(actual) !== String(expected))
      problems.push(`${twin}: ${String(actual)}, but its original says ${String(expected)}`);
  };
  const threeDigits = (version: string | undefined): string => String(Math.floor(Number(version) / 100) % 1000);

  const virus = patterns.get('p.4')?.fields;
  expectSame('Path_VSAPI', patterns.get('path_vsapi')?.fields, virus && [virus[0]!, virus[2]!]);
  expectSame('Version', patterns.get('version')?.fields, virus && [threeDigits(virus[1])]);
  const legacyNumbers = [...patterns.keys()].flatMap(
    (key) => /^(?:merge|mergepath_vsapi|p\.4\.merge)\.(\d+)$/.exec(key)?.[1] ?? [],
  );
  for (const number of new Set(legacyNumbers)) {
    const merge = patterns.get(`p.4.merge.${number}`)?.fields;
    expectSame(
      `MergePath_VSAPI.${number}`,
      patterns.get(`mergepath_vsapi.${number}`)?.fields,
      merge && [merge[0]!, merge[2]!],
    );
    expectSame(`Merge.${number}`, patterns.get(`merge.${number}`)?.fields, merge && [threeDigits(merge[1])]);
  }
  expectSame('MergeCount', patterns.get('mergecount')?.fields, patterns.get('p.4.mergecount')?.fields);

  const engines = [...inSection('ENGINE').values()];
  const originals = engines.filter(({ key }) => /^E\./i.test(key));
  for (const { key, fields } of engines.filter(({ key: name }) => /^Path_/i.test(name))) {
    const candidates = originals.filter(({ fields: own }) => own[0]!.toLowerCase() === key.slice(5).toLowerCase());
    const agrees = candidates.some(
      ({ fields: own }) => own[1] === fields[0] && own[3] === fields[2] && own[2]!.startsWith(`${fields[1]}.`),
    );
    if (!agrees) problems.push(`${key}: no engine line says the same`);
  }
  for (const { key, fields } of originals)
    if (!engines.some(({ key: twin }) => twin.toLowerCase() === `path_${fields[0]!.toLowerCase()}`))
      problems.push(`${key}: has no twin`);
  return problems;
}
