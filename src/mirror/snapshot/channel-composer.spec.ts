import { AppError } from '../../platform/errors/app-error.js';
import { extractUnit } from '../manifest/manifest-edit.js';
import { Manifest, type ManifestUnit } from '../manifest/manifest.js';
import { composeChannel, releaseDigest, type ComposeInput, type ReleaseContent } from './channel-composer.js';
import type { FetchedFile } from './fetched-file.js';
import { fileMap, type FileMap, type HeldFile } from './held-file.js';
import type { HeldTree } from './mirror-plan.js';
import type { GroupResult } from './round-input.js';

const MTIME = '2026-03-01T00:00:00.000Z';

/** Two entries: the virus pattern with one increment, and another without. */
function text(pattern: number, other: number): string {
  const [from, to] = [pattern - 1, pattern];
  return [
    '[Common]',
    'Version=1.0',
    '',
    '[Server]',
    'AvailableServer=1',
    'Server.1=http://vendor.example/activeupdate',
    '',
    '[PATTERN]',
    `Version=${to}`,
    `Path_VSAPI=pattern/vsapi${to}.zip, 100`,
    `P.4=pattern/vsapi${to}.zip, 17${to}00, 100`,
    'P.4.MergeCount=1',
    `P.4.Merge.1=pattern/v_${from}.${to}, 17${from}00, 10`,
    `Merge.1=${from}`,
    'MergeCount=1',
    `P.9=pattern/other${other}.zip, ${other}, 50`,
    '',
    '[ENGINE]',
    '',
  ].join('\r\n');
}

const manifest = (pattern = 241, other = 1): Manifest => Manifest.parse(Buffer.from(text(pattern, other), 'latin1'));
const sha = (label: string): string => Buffer.from(label).toString('hex').padEnd(64, '0').slice(0, 64);

function unitOf(of: Manifest, id: string): ManifestUnit {
  const unit = of.units.get(id);
  if (unit === undefined) throw new Error(`the manifest has no ${id}`);
  return unit;
}

/** A tree that holds all that its manifest names, with signatures. */
function held(of: Manifest): HeldTree {
  const files: FileMap = fileMap([]);
  for (const file of of.files().values()) {
    const entry: HeldFile = {
      path: file.path,
      sha256: sha(file.path),
      size: file.size ?? 0,
      mtime: MTIME,
      component: null,
    };
    files.set(file.key, entry);
    const signature = file.key.replace(/\.[^.]*$/, '.sig');
    files.set(signature, { ...entry, path: signature, sha256: sha(`sig of ${file.path}`), size: 3 });
  }
  return { manifest: of, files };
}

function fetched(unit: ManifestUnit, signed = true): FetchedFile[] {
  return unit.files.map((reference) => ({
    reference,
    sha256: sha(reference.path),
    size: reference.size ?? 0,
    mtime: MTIME,
    signature: signed
      ? {
          path: reference.path.replace(/\.[^.]*$/, '.sig'),
          sha256: sha(`sig of ${reference.path}`),
          size: 3,
          mtime: MTIME,
        }
      : null,
  }));
}

function group(of: Manifest, id: string, action: GroupResult['action'], files = true): GroupResult {
  const unit = unitOf(of, id);
  const componentId = id === 'P.4' ? 'virus-pattern' : null;
  const brought = action === 'fetch' && files ? fetched(unit) : [];
  return { key: componentId ?? id, componentId, units: [unit], action, fault: null, files: brought };
}

function compose(change: Partial<ComposeInput>): ReturnType<typeof composeChannel> {
  const base = change.base ?? manifest();
  return composeChannel({
    base,
    groups: [],
    held: null,
    planHeld: change.held ?? null,
    holds: new Map(),
    componentOfUnit: new Map([['P.4', 'virus-pattern']]),
    variants: new Map(),
    upstreamHosts: ['vendor.example'],
    twin: null,
    ...change,
  });
}

const textOf = (tree: { manifest: Buffer }): string => tree.manifest.toString('latin1');

describe('composing a channel', () => {
  it('of a first run: all that was fetched, with signatures, and a manifest that names no upstream', () => {
    const base = manifest();
    const tree = compose({ base, groups: [group(base, 'P.4', 'fetch'), group(base, 'P.9', 'fetch')] });
    expect([...tree.files.keys()].sort()).toEqual([
      'pattern/other1.sig',
      'pattern/other1.zip',
      'pattern/v_240.241',
      'pattern/v_240.sig',
      'pattern/vsapi241.sig',
      'pattern/vsapi241.zip',
    ]);
    expect(textOf(tree)).not.toContain('vendor.example');
    expect(textOf(tree)).toContain('P.4=pattern/vsapi241.zip, 1724100, 100');
    expect([...tree.releases.keys()]).toEqual(['virus-pattern']);
    expect(tree.releases.get('virus-pattern')?.files).toHaveLength(2);
  });

  it('with a component that failed: its earlier lines and files beside the new ones of others', () => {
    const next = manifest(242, 2);
    const groups = [{ ...group(next, 'P.4', 'earlier') }, group(next, 'P.9', 'fetch')];
    const tree = compose({ base: next, groups, held: held(manifest()) });
    expect(textOf(tree)).toContain('P.4=pattern/vsapi241.zip, 1724100, 100');
    expect(textOf(tree)).toContain('Version=241');
    expect(textOf(tree)).toContain('P.9=pattern/other2.zip, 2, 50');
    expect(tree.files.has('pattern/vsapi241.zip')).toBe(true);
    expect(tree.files.has('pattern/vsapi242.zip')).toBe(false);
    expect(tree.files.has('pattern/other1.zip')).toBe(false);
  });

  it('without the earlier lines of an entry that was published before its path was refused', () => {
    const unsafe = (pattern: number): Manifest =>
      Manifest.parse(Buffer.from(text(pattern, 1).replace('P.9=pattern', 'P.9=japan'), 'latin1'));
    const next = unsafe(242);
    const groups = [group(next, 'P.4', 'fetch'), group(next, 'P.9', 'earlier')];
    const tree = compose({ base: next, groups, held: held(unsafe(241)) });
    expect(textOf(tree)).not.toContain('P.9');
    expect(textOf(tree)).toContain('P.4=pattern/vsapi242.zip, 1724200, 100');
  });

  it('puts earlier lines where the new ones stood, one by one', () => {
    const next = manifest(242, 2);
    const groups = [group(next, 'P.4', 'earlier'), group(next, 'P.9', 'fetch')];
    const lines = textOf(compose({ base: next, groups, held: held(manifest()) })).split('\r\n');
    const first = compose({ groups: [group(manifest(), 'P.4', 'fetch'), group(manifest(), 'P.9', 'fetch')] });
    const before = textOf(first).split('\r\n');
    expect(lines.length).toBe(before.length);
    expect(lines.filter((line, at) => line !== before[at])).toEqual(['P.9=pattern/other2.zip, 2, 50']);
  });

  it('is what it was, to the byte, when nothing was brought', () => {
    const first = compose({ groups: [group(manifest(), 'P.4', 'fetch'), group(manifest(), 'P.9', 'fetch')] });
    const published: HeldTree = { manifest: Manifest.parse(first.manifest), files: first.files };
    // The new manifest lists the two in another order, and neither could be had.
    const reordered = text(242, 2).replace(/(P\.4=.*\r\n)([^]*)(P\.9=.*\r\n)/, '$3$1$2');
    const next = Manifest.parse(Buffer.from(reordered, 'latin1'));
    const groups = [group(next, 'P.4', 'earlier'), group(next, 'P.9', 'earlier')];
    const tree = compose({ base: next, groups, held: published });
    expect(tree.manifest.equals(first.manifest)).toBe(true);
    expect([...tree.files.keys()].sort()).toEqual([...first.files.keys()].sort());
  });

  it('without an entry that is not selected', () => {
    const base = manifest();
    const tree = compose({ base, groups: [group(base, 'P.4', 'drop'), group(base, 'P.9', 'fetch')] });
    expect(textOf(tree)).not.toMatch(/P\.4|Merge|VSAPI/);
    expect([...tree.files.keys()].sort()).toEqual(['pattern/other1.sig', 'pattern/other1.zip']);
  });

  it('with a release at which a component stays, whatever the run brought', () => {
    const next = manifest(242, 2);
    const old = manifest(240, 1);
    const lines = extractUnit(old, 'P.4');
    const release: ReleaseContent = {
      lines: lines === null ? [] : [lines],
      files: unitOf(old, 'P.4').files.map((file) => ({
        path: file.path,
        role: file.role,
        sha256: sha(file.path),
        size: file.size ?? 0,
        fromVersion: file.fromVersion ?? null,
        mtime: MTIME,
        signature: { path: file.path.replace(/\.[^.]*$/, '.sig'), sha256: sha('old sig'), size: 3 },
      })),
    };
    const groups = [group(next, 'P.4', 'fetch'), group(next, 'P.9', 'fetch')];
    const tree = compose({ base: next, groups, holds: new Map([['virus-pattern', release]]) });
    expect(textOf(tree)).toContain('P.4=pattern/vsapi240.zip, 1724000, 100');
    expect([...tree.files.keys()].filter((path) => path.includes('vsapi')).sort()).toEqual([
      'pattern/vsapi240.sig',
      'pattern/vsapi240.zip',
    ]);
    expect(tree.files.get('pattern/vsapi240.sig')?.sha256).toBe(sha('old sig'));
    // The same content is the same release, however it comes to be published again.
    expect(tree.releases.get('virus-pattern')?.digest).toBe(releaseDigest('virus-pattern', release));
  });

  it('in another variant: version and starting points change, files stay', () => {
    const base = manifest();
    const groups = [group(base, 'P.4', 'fetch'), group(base, 'P.9', 'fetch')];
    const global = compose({ base, groups });
    const japan = compose({ base, groups, variants: new Map([['80', ['P.4']]]) });
    expect(textOf(japan)).toContain('P.4=pattern/vsapi241.zip, 1724180, 100');
    expect(textOf(japan)).toContain('P.4.Merge.1=pattern/v_240.241, 1724080, 10');
    expect(textOf(japan)).toContain('Merge.1=240');
    expect(japan.files).toEqual(global.files);
    expect(japan.releases.get('virus-pattern')?.digest).not.toBe(global.releases.get('virus-pattern')?.digest);
  });

  it('takes signatures that came late to files that are the same', () => {
    const base = manifest();
    const before = held(base);
    before.files.delete('pattern/vsapi241.sig');
    const late = fetched(unitOf(base, 'P.4')).filter(({ reference }) => reference.role === 'full');
    const groups = [{ ...group(base, 'P.4', 'same'), files: late }, group(base, 'P.9', 'same')];
    const tree = compose({ base, groups, held: before });
    expect(tree.files.get('pattern/vsapi241.sig')?.sha256).toBe(sha('sig of pattern/vsapi241.zip'));
  });

  it('without a run: everything stays', () => {
    const before = held(manifest());
    const tree = compose({ base: before.manifest, held: before });
    expect([...tree.files.keys()].sort()).toEqual([...before.files.keys()].sort());
  });

  it('never names a file that is not there, or is there with another size', () => {
    const base = manifest();
    const missing = [group(base, 'P.4', 'fetch', false), group(base, 'P.9', 'fetch')];
    const wrong = group(base, 'P.9', 'fetch');
    wrong.files = wrong.files.map((file) => ({ ...file, size: 51 }));
    for (const groups of [missing, [group(base, 'P.4', 'fetch'), wrong]])
      expect(() => compose({ base, groups })).toThrow(
        expect.objectContaining({ name: AppError.name, code: 'manifest-inconsistent' }) as Error,
      );
  });
});

describe('the digest of a release', () => {
  const content = (change: (content: ReleaseContent) => void): string => {
    const base: ReleaseContent = {
      lines: [{ unitId: 'P.4', lines: [{ section: 'PATTERN', text: 'P.4=a.zip, 1, 2' }] }],
      files: [
        { path: 'a.zip', role: 'full', sha256: sha('a'), size: 2, fromVersion: null, mtime: MTIME, signature: null },
        { path: 'b.2', role: 'increment', sha256: sha('b'), size: 2, fromVersion: '0', mtime: MTIME, signature: null },
      ],
    };
    change(base);
    return releaseDigest('x', base);
  };
  const plain = content(() => undefined);

  it('does not depend on the order of files, their dates, or letter case', () => {
    expect(content((it) => it.files.reverse())).toBe(plain);
    expect(content((it) => it.files.forEach((file) => (file.mtime = '1999')))).toBe(plain);
    expect(content((it) => it.files.forEach((file) => (file.path = file.path.toUpperCase())))).toBe(plain);
  });

  it('depends on lines, contents, paths and signatures', () => {
    const changes: ((it: ReleaseContent) => void)[] = [
      (it) => it.lines.forEach(({ lines }) => lines.push({ section: 'PATTERN', text: '; more' })),
      (it) => it.files.forEach((file) => (file.sha256 = sha('c'))),
      (it) => it.files.forEach((file) => (file.path = `x/${file.path}`)),
      (it) => it.files.forEach((file) => (file.signature = { path: 'a.sig', sha256: sha('s'), size: 1 })),
    ];
    expect(new Set([plain, ...changes.map(content)]).size).toBe(changes.length + 1);
    expect(releaseDigest('y', { lines: [], files: [] })).not.toBe(releaseDigest('x', { lines: [], files: [] }));
  });
});
