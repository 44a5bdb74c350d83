import type { SampleFile } from './sample-file.js';
import type { EngineRelease, PatternRelease } from './sample-release.js';

/** What one manifest names. Paths are relative to the manifest. */
export interface ManifestContent {
  patterns: readonly PatternRelease[];
  engines: readonly EngineRelease[];
  /** Absent: the section is there, with empty paths. */
  productPackage?: { full: SampleFile; update: SampleFile } | undefined;
  eol: 'crlf' | 'lf';
}

/**
 * Writes `server.ini` in the grammar of the real thing, with its irregularities: legacy twins between the lines they
 * repeat, spaces after some commas only, two generations of increments, comments, a section with an empty path. ASCII, no
 * BOM.
 */
export function renderManifest(content: ManifestContent): Buffer {
  const lines = [
    '; Synthetic ActiveUpdate manifest: the grammar is real, everything it names is made up.',
    '[Common]',
    'Version=1.0',
    'ActiveUpdate=2.86.0.4002',
    'CertExpireDate=Jul 21 07:49:22 2034 GMT',
    '',
    '[Server]',
    'AvailableServer=2',
    // A mirror must never send its clients, or itself, to these.
    'Server.1=https://sample-p.activeupdate.invalid/activeupdate',
    'Server.2=http://sample-p.activeupdate.invalid/activeupdate',
    '',
    '[PATTERN]',
    ...patternLines(content.patterns),
    '',
    '[ENGINE]',
    ...engineLines(content.engines),
    '',
    '[EXCLUSION]',
    'VSAPI=2.01,2.02',
    '',
    '[All_Product]',
    'MaxProductID=603',
    'Product.602=Sample Gateway Tool, 1.0, 7.0',
    'Product.603=Sample Mail Tool,1.0, 2.0',
    '',
    ...productLines(content.productPackage),
  ];
  return Buffer.from(lines.map((line) => line + (content.eol === 'crlf' ? '\r\n' : '\n')).join(''), 'latin1');
}

function patternLines(patterns: readonly PatternRelease[]): string[] {
  const virus = patterns.find((release) => release.unit.id === 'P.4');
  const legacy = virus
    ? [`Version=${legacyNumber(virus.number)}`, `Path_VSAPI=${virus.full.path}, ${virus.full.size}`]
    : [];
  const newest = patterns.map(({ unit, version, full }, index) => {
    const comma = index % 3 === 2 ? ',' : ', ';
    return `${unit.id}=${full.path}${comma}${version}${comma}${full.size}`;
  });
  return [
    ...legacy,
    '; full files',
    ...newest,
    '; increments to the version above',
    ...patterns.flatMap(incrementLines),
  ];
}

function incrementLines({ unit, increments }: PatternRelease): string[] {
  if (!unit.increments || increments.length === 0) return [];
  const lines = [`${unit.id}.${unit.increments.countKey}=${increments.length}`];
  const hasLegacyTwins = unit.id === 'P.4';
  increments.forEach(({ file, from }, index) => {
    const n = index + 1;
    const comma = n % 5 === 4 ? ',' : ', ';
    lines.push(`${unit.id}.Merge.${n}=${file.path}${comma}${from}${comma}${file.size}`);
    if (!hasLegacyTwins) return;
    lines.push(`Merge.${n}=${legacyNumber(Number(from))}`, `MergePath_VSAPI.${n}=${file.path}, ${file.size}`);
  });
  if (hasLegacyTwins) lines.push(`MergeCount=${increments.length}`);
  return lines;
}

function engineLines(engines: readonly EngineRelease[]): string[] {
  return engines.flatMap(({ unit, version, shortVersion, full }, index) => {
    const comma = index % 2 === 1 ? ',' : ', ';
    const madeUp = unit.id.startsWith('E.F')
      ? ['; ids that begin with F are made up: the real ones are not public']
      : [];
    return [
      ...madeUp.slice(engines.findIndex((other) => other.unit.id.startsWith('E.F')) === index ? 0 : 1),
      `${unit.id}=${[unit.name, full.path, version, full.size, unit.minimumVersion].join(comma)}`,
      `Path_${unit.name}=${full.path}, ${shortVersion}, ${full.size}`,
    ];
  });
}

function productLines(pack: ManifestContent['productPackage']): string[] {
  return [
    '[Info_602_10000_1_1]',
    'Version=6.0',
    'Build=3011',
    pack ? `Path=${pack.full.path},${pack.full.size}` : 'Path=',
    pack ? `Update_Path=${pack.update.path},${pack.update.size}` : 'Update_Path=',
    '',
    '[Info_603_20000_1_1]',
    '; no package: the path is empty',
    'Version=2.0',
    'Build=1000',
    'Path=',
  ];
}

/** The three-digit number of the legacy twins: 1724100 → 241; the variant suffix does not show. */
function legacyNumber(version: number): string {
  return String(Math.floor(version / 100) % 1000);
}
