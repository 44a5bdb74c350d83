/** Which variant of the tree: `.00` at the base, `.80` below `japan/`. */
export type SampleVariant = 'global' | 'japan';

interface UnitBase {
  /** The project's component id; `unclaimed-…` for manifest entries that no catalogue component claims. */
  component: string;
  /** Key in the manifest, e.g. `P.4`. */
  id: string;
  /** Realistic size of the full file in bytes, before scaling. */
  fullBytes: number;
}

export interface SamplePattern extends UnitBase {
  kind: 'pattern';
  /** Version (an integer) of the first state of the tree. */
  firstVersion: number;
  step: number;
  /** Digits the version is padded to with zeros; they are part of the text. */
  digits?: number;
  container: 'zip' | 'raw';
  fullPath(version: number): string;
  member?(version: number): string;
  /** Virus pattern only: the variant shows in the version's last two digits. */
  hasVariant?: boolean;
  increments?: SampleIncrements;
}

export interface SampleIncrements {
  count: number;
  countKey: 'MergeCount' | 'MergeCountEx';
  /** Realistic sizes in bytes, from the increment that spans one release to the one that spans most. */
  bytes: readonly [number, number];
  path(from: number, to: number): string;
}

export interface SampleEngine extends UnitBase {
  kind: 'engine';
  /** Engine name, first field of its line and tail of its legacy twin `Path_<name>`. */
  name: string;
  /** Oldest version that may be updated to this one. */
  minimumVersion: string;
  /** `12.510.1005` as such, or with the middle part's trailing zeros dropped: `12.51.1005`. Both occur. */
  trimmed: boolean;
  fullPath(majorMinor: string): string;
}

export type SampleUnit = SamplePattern | SampleEngine;

const kb = 1024;
const mb = 1024 * kb;

function threeDigits(version: number): string {
  return String(Math.floor(version / 100) % 1000).padStart(3, '0');
}

/** 11073900 → 1.10739.00 */
function dotted(version: number): string {
  const number = Math.floor((version % 1e7) / 100);
  return `${Math.floor(version / 1e7)}.${String(number).padStart(5, '0')}.${String(version % 100).padStart(2, '0')}`;
}

/**
 * The units of the sample tree. Ids, grammar and sizes are those publicly seen; names, versions and contents are made up,
 * and so are the ids that begin with F, which stand for components whose real ids are not public.
 */
export const samplePatterns: readonly SamplePattern[] = [
  {
    kind: 'pattern',
    component: 'virus-pattern',
    id: 'P.4',
    firstVersion: 1724100,
    step: 100,
    container: 'zip',
    hasVariant: true,
    fullBytes: 62 * mb,
    fullPath: (v) => `pattern/vsapi${threeDigits(v)}.zip`,
    member: (v) => `lpt$vpn.${threeDigits(v)}`,
    increments: {
      count: 14,
      countKey: 'MergeCount',
      bytes: [25 * kb, 113 * kb],
      path: (from, to) => `pattern/v_${threeDigits(from)}.${threeDigits(to)}`,
    },
  },
  {
    kind: 'pattern',
    component: 'smart-scan-agent-pattern',
    id: 'P.48020000',
    firstVersion: 1724100,
    step: 100,
    container: 'zip',
    fullBytes: 22 * mb,
    fullPath: (v) => `pattern/icrc/ioth${v}.zip`,
    member: (v) => `icrc$oth.${threeDigits(v)}`,
    increments: {
      count: 14,
      countKey: 'MergeCount',
      bytes: [4 * kb, 60 * kb],
      path: (from, to) => `pattern/icrc/ioth_${from}.${to}`,
    },
  },
  {
    kind: 'pattern',
    component: 'spyware-pattern',
    id: 'P.20000400',
    firstVersion: 2469,
    step: 2,
    container: 'zip',
    fullBytes: 6 * mb,
    fullPath: (v) => `pattern/ssaptn${v}.zip`,
    increments: {
      count: 8,
      countKey: 'MergeCount',
      bytes: [6 * kb, 70 * kb],
      path: (from, to) => `pattern/ssaptn_${from}.${to}`,
    },
  },
  {
    kind: 'pattern',
    component: 'intellitrap-pattern',
    id: 'P.20000040',
    firstVersion: 187700,
    step: 200,
    container: 'zip',
    fullBytes: 900 * kb,
    fullPath: (v) => `pattern/tmblack${v}.zip`,
  },
  {
    kind: 'pattern',
    component: 'intellitrap-exception-pattern',
    id: 'P.20000020',
    firstVersion: 1200025,
    step: 1,
    container: 'zip',
    fullBytes: 2 * mb,
    // Letter case really is inconsistent within one manifest.
    fullPath: (v) => `Pattern/TMWhite${v}.zip`,
    increments: {
      count: 4,
      countKey: 'MergeCount',
      bytes: [5 * kb, 20 * kb],
      path: (from, to) => `pattern/tmwhite_${from}.${to}`,
    },
  },
  {
    kind: 'pattern',
    component: 'antispam-pattern',
    id: 'P.10001',
    firstVersion: 11073900,
    step: 100,
    container: 'raw',
    fullBytes: 18 * mb,
    fullPath: (v) => `pattern/rr/rr_${dotted(v)}`,
    increments: {
      count: 10,
      countKey: 'MergeCount',
      bytes: [12 * kb, 110 * kb],
      path: (from, to) => `pattern/rr/rr_${from}.${to}`,
    },
  },
  {
    kind: 'pattern',
    component: 'unclaimed-cleanup-template',
    id: 'P.800',
    firstVersion: 1630,
    step: 2,
    container: 'zip',
    fullBytes: 3 * mb,
    fullPath: (v) => `pattern/tsc${v}.zip`,
    increments: {
      count: 8,
      countKey: 'MergeCountEx',
      bytes: [8 * kb, 40 * kb],
      path: (from, to) => `pattern/${from % 4 === 0 ? 'TSC' : 'tsc'}_${from}.${to}`,
    },
  },
  {
    kind: 'pattern',
    component: 'unclaimed-leading-zeros',
    id: 'P.48040241',
    firstVersion: 1800,
    step: 1,
    digits: 8,
    container: 'zip',
    fullBytes: 9790,
    fullPath: () => 'pattern/tmgd.zip', // the name stays, the content changes with every release
  },
];

export const sampleEngines: readonly SampleEngine[] = [
  engine('virus-scan-engine', 'E.20000', 'VSAPI_LINUX', 4 * mb, (v) => `engine/vslx${v}.zip`),
  engine('unclaimed-engine-nt', 'E.4', 'VSAPI32_NT', 1200 * kb, (v) => `engine/ntsc${v}.zip`, true),
  engine('unclaimed-engine-nt-kd', 'E.10', 'VSAPI32_NT_KD', 1343062, (v) => `engine/ntkd${v}.zip`, true),
  engine('antispam-engine', 'E.F0000001', 'SAMPLE_ANTISPAM', 6 * mb, (v) => `engine/antispam/spam${v}.zip`),
  engine('advanced-threat-scan-engine', 'E.F0000003', 'SAMPLE_ATSE_LINUX', 8 * mb, (v) => `engine/atse/atse${v}.zip`),
];

export const sampleUnits: readonly SampleUnit[] = [...samplePatterns, ...sampleEngines];

function engine(
  component: string,
  id: string,
  name: string,
  fullBytes: number,
  fullPath: (majorMinor: string) => string,
  trimmed = false,
): SampleEngine {
  return { kind: 'engine', component, id, name, fullBytes, fullPath, trimmed, minimumVersion: '6.51.1002' };
}

/** The integer version of a pattern at a release; release 0 is the first state of the tree, earlier ones are negative. */
export function patternVersion(
  pattern: SamplePattern,
  release: number,
  variant: SampleVariant,
  first?: number,
): number {
  const suffix = pattern.hasVariant && variant === 'japan' ? 80 : 0;
  return (first ?? pattern.firstVersion) + release * pattern.step + suffix;
}

export interface EngineVersion {
  /** As in the engine's line. */
  text: string;
  /** As in the legacy twin: without the build. */
  short: string;
  /** For the file name: `12510`. */
  compact: string;
}

export function engineVersion(unit: SampleEngine, release: number): EngineVersion {
  const thousandths = 12_500 + release * 10;
  const major = Math.floor(thousandths / 1000);
  const minor = String(thousandths % 1000).padStart(3, '0');
  const trimmedMinor = minor.replace(/0+$/, '') || '0';
  const short = `${major}.${unit.trimmed ? trimmedMinor : minor}`;
  return { text: `${short}.${1004 + release}`, short, compact: `${major}${minor}` };
}
