import { parseDisplayVersion } from './version.js';
import type { Numbering, VariantSuffix } from './version.js';

const MAX_FILE_NAME_LENGTH = 255;
const ARCHIVE_EXTENSION = /\.(?:zip|7z|tgz|tar|gz|bin|dat|ptn)$/i;

export type ComponentKind = 'engine' | 'pattern';

/** How often new releases usually come; `typicalHours` is the usual time between two. */
export type Cadence =
  | { kind: 'irregular' }
  | { kind: 'daily' | 'weekly'; /** Releases per day or week. */ per: number; typicalHours: number };

/** One component that people know by name. Plain data: it is stored and edited as JSON. */
export interface CatalogueEntry {
  /** Stable, kebab-case. */
  id: string;
  names: { ja: string; en: string };
  kind: ComponentKind;
  cadence: Cadence;
  numbering: Numbering;
  /** Units of the manifest that carry it, the preferred one first; empty while nothing public tells which. */
  entries: string[];
  /** Variants that may be derived from the upstream's own. */
  variants: VariantSuffix[];
  licence: 'base' | 'anti-spam';
  carriedByControlManager: boolean;
  /** What a product restarts to install it. */
  restarts: ('scan-service' | 'policy-service')[];
  /** Names of files that carry it, `{version}` standing for the version; see guessVersionFromFileName. */
  filePatterns: string[];
}

const irregular: Cadence = { kind: 'irregular' };
const weekly: Cadence = { kind: 'weekly', per: 1, typicalHours: 168 };
const daily: Cadence = { kind: 'daily', per: 1, typicalHours: 24 };

type EntryFacts = Pick<CatalogueEntry, 'id' | 'names'> & Partial<CatalogueEntry>;

function engine(facts: EntryFacts): CatalogueEntry {
  return { ...defaults('engine', 'engine'), restarts: ['scan-service', 'policy-service'], ...facts };
}

function pattern(facts: EntryFacts): CatalogueEntry {
  return { ...defaults('pattern', 'integer'), restarts: ['scan-service'], ...facts };
}

function defaults(kind: ComponentKind, numbering: Numbering): Omit<CatalogueEntry, 'id' | 'names' | 'restarts'> {
  return {
    kind,
    numbering,
    cadence: irregular,
    entries: [],
    variants: [],
    licence: 'base',
    carriedByControlManager: true,
    filePatterns: [],
  };
}

/**
 * The ten components of the products, in the order in which people see them. Entries whose id nothing public tells stay
 * empty here and are mapped by configuration.
 */
export const CATALOGUE: readonly CatalogueEntry[] = [
  engine({
    id: 'virus-scan-engine',
    names: { ja: 'ウイルス検索エンジン', en: 'Virus Scan Engine' },
    entries: ['E.20000', 'E.4', 'E.10', 'E.1000'],
  }),
  engine({
    id: 'advanced-threat-scan-engine',
    names: { ja: '高度な脅威検索エンジン', en: 'Advanced Threat Scan Engine' },
    entries: ['E.48000202', 'E.48000203'],
  }),
  pattern({
    id: 'virus-pattern',
    names: { ja: 'ウイルスパターンファイル', en: 'Virus Pattern' },
    cadence: daily,
    numbering: 'vsapi',
    entries: ['P.4'],
    variants: ['80'],
    filePatterns: ['vsapi{version}.zip', 'lpt$vpn.{version}'],
  }),
  pattern({
    id: 'spyware-pattern',
    names: { ja: 'スパイウェアパターンファイル', en: 'Spyware Pattern' },
    cadence: weekly,
    entries: ['P.20000400', 'P.40000010'],
  }),
  pattern({
    id: 'intellitrap-pattern',
    names: { ja: 'IntelliTrapパターンファイル', en: 'IntelliTrap Pattern' },
    entries: ['P.20000040'],
    filePatterns: ['tmblack{version}.zip', 'tmblack.{version}'],
  }),
  pattern({
    id: 'intellitrap-exception-pattern',
    names: { ja: 'IntelliTrap除外パターンファイル', en: 'IntelliTrap Exception Pattern' },
    cadence: weekly,
    entries: ['P.20000020'],
    filePatterns: ['tmwhite{version}.zip', 'tmwhite.{version}'],
  }),
  engine({
    id: 'antispam-engine',
    names: { ja: 'スパムメール検索エンジン', en: 'Anti-spam Engine' },
    licence: 'anti-spam',
  }),
  pattern({
    id: 'antispam-pattern',
    names: { ja: 'スパムメール対策パターンファイル', en: 'Anti-spam Pattern' },
    cadence: { kind: 'daily', per: 4, typicalHours: 6 },
    entries: ['P.10001', 'P.4000001'],
    licence: 'anti-spam',
  }),
  engine({
    id: 'url-filtering-engine',
    names: { ja: 'URLフィルタエンジン', en: 'URL Filtering Engine' },
    licence: 'anti-spam',
    carriedByControlManager: false,
  }),
  pattern({
    id: 'smart-scan-agent-pattern',
    names: { ja: 'スマートスキャンエージェントパターンファイル', en: 'Smart Scan Agent Pattern' },
    cadence: daily,
    numbering: 'vsapi',
    entries: ['P.48020000'],
    filePatterns: ['ioth{version}.zip', 'icrc$oth.{version}'],
  }),
];

/**
 * Units of the sample upstream for components whose real id is not public. THESE IDS ARE MADE UP: they mean nothing to
 * any real server or product. The URL filtering engine stays unmapped, as Control Manager does not carry it.
 * Keyed by component id; to be put before the entries of the catalogue.
 */
export const SAMPLE_MAPPING: Readonly<Record<string, readonly string[]>> = {
  'antispam-engine': ['E.F0000001'],
  // Stands for the Linux build of the engine.
  'advanced-threat-scan-engine': ['E.F0000003'],
};

/** A catalogue with further units put before each component's own. */
export function withMapping(
  catalogue: readonly CatalogueEntry[],
  mapping: Readonly<Record<string, readonly string[]>>,
): CatalogueEntry[] {
  return catalogue.map((entry) => ({
    ...entry,
    entries: [...new Set([...(mapping[entry.id] ?? []), ...entry.entries])],
  }));
}

/**
 * The raw version that the name of an uploaded file tells, or null when it does not tell all of it: the three digits of
 * `vsapi241.zip` or `lpt$vpn.241` are a pattern number without its roll, and an increment (`v_239.241`) is no release.
 * Only the last segment of a path counts.
 */
export function guessVersionFromFileName(
  entry: Pick<CatalogueEntry, 'numbering' | 'filePatterns'>,
  fileName: string,
): string | null {
  const name = fileName.split(/[/\\]/).at(-1) ?? '';
  if (name === '' || name.length > MAX_FILE_NAME_LENGTH) return null;
  for (const pattern of entry.filePatterns) {
    const found = matchPattern(pattern, name);
    if (found !== null) return complete(found, entry);
  }
  return guessFromTail(name, entry);
}

/** The text at `{version}`, compared without regard to case; null when the name is another. */
function matchPattern(pattern: string, name: string): string | null {
  const [before = '', after = ''] = pattern.toLowerCase().split('{version}');
  const lower = name.toLowerCase();
  if (lower.length <= before.length + after.length || !lower.startsWith(before) || !lower.endsWith(after)) return null;
  const middle = name.slice(before.length, name.length - after.length).replace(/^[_.-]/, '');
  return /^\d[\d.]*$/.test(middle) ? middle : null;
}

function guessFromTail(name: string, entry: Pick<CatalogueEntry, 'numbering'>): string | null {
  const stem = name.replace(ARCHIVE_EXTENSION, '');
  // prefix_FROM.TO without an archive's extension: an increment.
  if (stem === name && /_\d+\.\d+$/.test(name)) return null;
  if (entry.numbering === 'engine') return guessEngine(stem);
  const tail = /(?:^|\D)(\d+(?:\.\d+)*)$/.exec(stem)?.[1];
  if (tail === undefined) return null;
  return complete(entry.numbering === 'integer' ? (tail.split('.').at(-1) ?? tail) : tail, entry);
}

/** Engines: `…12.500.1004`, or `…12500-1004` with the last three digits before the dash for the middle part. */
function guessEngine(stem: string): string | null {
  const dotted = /(?:^|[^\d.])(\d+\.\d+\.\d+)$/.exec(stem)?.[1];
  if (dotted !== undefined) return dotted;
  const dashed = /(?:^|\D)(\d{1,4})(\d{3})-(\d+)$/.exec(stem);
  return dashed ? `${dashed[1]}.${dashed[2]}.${dashed[3]}` : null;
}

function complete(text: string, entry: Pick<CatalogueEntry, 'numbering'>): string | null {
  const raw = parseDisplayVersion(text, entry.numbering);
  // A vsapi number below 100000 lacks its roll.
  return raw !== null && entry.numbering === 'vsapi' && Number(raw) < 100_000 ? null : raw;
}
