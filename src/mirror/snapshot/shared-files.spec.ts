import { Manifest } from '../manifest/manifest.js';
import type { FetchedFile } from './fetched-file.js';
import { fileMap } from './held-file.js';
import type { HeldTree } from './mirror-plan.js';
import type { GroupResult } from './round-input.js';
import { holdBackSharers, type Staying } from './shared-files.js';

const manifest = (version: number): Manifest =>
  Manifest.parse(
    Buffer.from(
      [
        '[Common]',
        '[PATTERN]',
        `P.1=a.zip, ${version}, 5`,
        `P.2=A.zip, ${version}, 5`,
        `P.2.Merge.1=b.zip, 1, 5`,
        `P.3=b.zip, ${version}, 5`,
        `P.4=d.zip, ${version}, 5`,
      ].join('\r\n'),
      'latin1',
    ),
  );

const held: HeldTree = {
  manifest: manifest(1),
  files: fileMap(
    ['a.zip', 'b.zip', 'd.zip'].map((path) => ({ path, sha256: `old ${path}`, size: 5, mtime: '', component: null })),
  ),
};

function group(id: string, action: GroupResult['action'], sha256?: (path: string) => string): GroupResult {
  const units = [...manifest(2).units.values()].filter((unit) => unit.id === id);
  const files = units
    .flatMap((unit) => unit.files)
    .map((reference): FetchedFile => {
      return {
        reference,
        sha256: sha256?.(reference.key) ?? `new ${reference.key}`,
        size: 5,
        mtime: '',
        signature: null,
      };
    });
  return { key: id, componentId: null, units, action, fault: null, files: action === 'fetch' ? files : [] };
}

const componentOfUnit = new Map([['P.1', 'one']]);
const staying = (tree: HeldTree | null): Staying => ({ held: tree, componentOfUnit });

const told = (groups: GroupResult[], tree: HeldTree | null = held): string[] =>
  holdBackSharers(groups, staying(tree)).map(({ key, action, fault }) => `${key} ${action} ${fault?.code ?? '-'}`);

describe('entries that share a file', () => {
  it('stay together, through any number of hands, and leave others alone', () => {
    expect(
      told([group('P.1', 'earlier'), group('P.2', 'fetch'), group('P.3', 'fetch'), group('P.4', 'fetch')]),
    ).toEqual([
      'P.1 earlier -',
      'P.2 earlier shared-file-held-back',
      'P.3 earlier shared-file-held-back',
      'P.4 fetch -',
    ]);
  });

  it('go their ways when the file is the same', () => {
    const same = (key: string): string => `old ${key}`;
    expect(told([group('P.1', 'earlier'), group('P.2', 'fetch', same)])).toEqual(['P.1 earlier -', 'P.2 fetch -']);
  });

  it('are all fetched when nobody stays, and when nothing is published yet', () => {
    expect(told([group('P.1', 'fetch'), group('P.2', 'fetch')])).toEqual(['P.1 fetch -', 'P.2 fetch -']);
    expect(told([group('P.1', 'earlier'), group('P.2', 'fetch')], null)).toEqual(['P.1 earlier -', 'P.2 fetch -']);
  });

  it('stay with what a person has rolled back or uploaded since, and that one is left alone', () => {
    const holds = new Map([['one', { files: [{ path: 'A.zip', sha256: 'old a.zip', signature: null }] }]]);
    const claimed = { ...group('P.1', 'fetch'), componentId: 'one' };
    const groups = holdBackSharers([claimed, group('P.2', 'fetch'), group('P.4', 'fetch')], {
      ...staying(held),
      holds,
    });
    expect(groups.map(({ action }) => action)).toEqual(['fetch', 'earlier', 'fetch']);
    expect(groups[1]?.fault?.message).toContain('also belongs to one');
  });

  it('says which entry holds it back', () => {
    const [, second] = holdBackSharers([group('P.1', 'earlier'), group('P.2', 'fetch')], staying(held));
    expect(second?.fault?.message).toBe('A.zip also belongs to P.1, which stays at its earlier release.');
  });

  it('stay with an entry of a component that the source has dropped', () => {
    // One component of P.1 and P.3: only P.3 is offered now, and cannot be had.
    const both = new Map([
      ['P.1', 'one'],
      ['P.3', 'one'],
    ]);
    const claimed = { ...group('P.3', 'earlier'), key: 'one', componentId: 'one' };
    const groups = holdBackSharers([claimed, group('P.2', 'fetch')], { held, componentOfUnit: both });
    expect(groups[1]?.fault?.message).toBe('A.zip also belongs to one, which stays at its earlier release.');
  });
});

describe('one name, two contents in one run', () => {
  it('holds back all who brought it, and nobody else', () => {
    const groups = [group('P.1', 'fetch'), group('P.2', 'fetch', (key) => `other ${key}`), group('P.4', 'fetch')];
    expect(told(groups, null)).toEqual([
      'P.1 earlier upstream-publishing',
      'P.2 earlier upstream-publishing',
      'P.4 fetch -',
    ]);
  });
});

describe('a file here, a folder there', () => {
  /** One entry per line, with the paths of its files. */
  const tree = (entries: Record<string, string[]>): Manifest =>
    Manifest.parse(
      Buffer.from(
        [
          '[PATTERN]',
          ...Object.entries(entries).flatMap(([id, paths]) =>
            paths.map((path, at) => `${id}${at === 0 ? '' : `.Merge.${at}`}=${path}, 1, 5`),
          ),
        ].join('\n'),
      ),
    );
  const published = (entries: Record<string, string[]>, ...signatures: string[]): HeldTree => {
    const of = tree(entries);
    const paths = [...[...of.files().values()].map(({ path }) => path), ...signatures];
    return {
      manifest: of,
      files: fileMap(paths.map((path) => ({ path, sha256: `old ${path}`, size: 5, mtime: '', component: null }))),
    };
  };
  const fetched = (id: string, path: string, signature?: string): GroupResult => {
    const units = [...tree({ [id]: [path] }).units.values()];
    const files = units
      .flatMap((unit) => unit.files)
      .map((reference) => ({
        reference,
        sha256: `new ${path}`,
        size: 5,
        mtime: '',
        signature: signature === undefined ? null : { path: signature, sha256: 'new', size: 5, mtime: '' },
      }));
    return { key: id, componentId: null, units, action: 'fetch', fault: null, files };
  };
  const kept = (id: string): GroupResult => ({ ...fetched(id, 'elsewhere.zip'), action: 'earlier', files: [] });

  it.each<[string, HeldTree, GroupResult]>([
    ['a folder where a file stays', published({ 'P.1': ['p/k'] }), fetched('P.2', 'P/K/z.bin')],
    ['a file where a folder stays', published({ 'P.1': ['p/k/z.bin'] }), fetched('P.2', 'p/K')],
    ['a folder where a signature stays', published({ 'P.1': ['q.bin'] }, 'q.sig'), fetched('P.2', 'q.sig/z.bin')],
    ['a signature where a folder stays', published({ 'P.1': ['q.sig/z.bin'] }), fetched('P.2', 'q.bin', 'q.sig')],
    ['a folder deep below a file that stays', published({ 'P.1': ['a'] }), fetched('P.2', 'a/b/c/d.bin')],
  ])('%s: the newcomer waits', (_, before, newcomer) => {
    const groups = holdBackSharers([newcomer, kept('P.1')], staying(before));
    expect(groups[0]).toMatchObject({ action: 'earlier', files: [], fault: { code: 'path-conflict' } });
    expect(groups[0]?.fault?.message).toMatch(/P\.1, which stays at its earlier release\.$/);
    expect(groups[1]).toMatchObject({ action: 'earlier', fault: null });
  });

  it('comes with nobody when nothing stays there', () => {
    const before = published({ 'P.1': ['p/k'] }, 'p/k.sig');
    expect(told([fetched('P.2', 'p/kk/z.bin'), fetched('P.3', 'p/l', 'p/l.sig'), kept('P.1')], before)).toEqual([
      'P.2 fetch -',
      'P.3 fetch -',
      'P.1 earlier -',
    ]);
    expect(told([fetched('P.2', 'p/k/z.bin'), kept('P.3')], before)).toEqual(['P.2 fetch -', 'P.3 earlier -']);
  });

  it('spreads to whoever shares with the newcomer', () => {
    const before = published({ 'P.1': ['p/k'], 'P.2': ['old.bin'] });
    const third = fetched('P.3', 'old.bin/x.bin');
    expect(told([third, fetched('P.2', 'p/k/z.bin'), kept('P.1')], before)).toEqual([
      'P.3 earlier path-conflict',
      'P.2 earlier path-conflict',
      'P.1 earlier -',
    ]);
  });

  it('keeps a signature that came late from where a folder stays, and has it looked for again', () => {
    const before = published({ 'P.1': ['q.sig/z.bin'], 'P.2': ['q.bin'] });
    const same: GroupResult = { ...fetched('P.2', 'q.bin', 'q.sig'), action: 'same' };
    const [group] = holdBackSharers([same, kept('P.1')], staying(before));
    expect(group).toMatchObject({ action: 'same', fault: null, files: [], lookAgain: true });
  });

  it('tells a signature that stays from a file of that name', () => {
    const before = published({ 'P.1': ['q.bin'] }, 'q.sig');
    expect(told([fetched('P.2', 'q.sig'), fetched('P.3', 'q.zip', 'q.sig'), kept('P.1')], before)).toEqual([
      'P.2 earlier upstream-publishing',
      'P.3 earlier upstream-publishing',
      'P.1 earlier -',
    ]);
    expect(told([fetched('P.3', 'q.zip', 'q.sig'), kept('P.1')], before)).toEqual(['P.3 fetch -', 'P.1 earlier -']);
    expect(told([fetched('P.2', 'q.sig'), kept('P.1')], before)[0]).toBe('P.2 earlier shared-file-held-back');
  });

  it('settles tens of thousands of entries that hang together in a chain', () => {
    // Nothing is timed: work that grew with the square of the number would run into the time limit of the test.
    const count = 20_000;
    const chain = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`P.A${at}`, [`p/${at}.zip`, `p/${at + 1}.zip`]]),
    );
    const before = published(chain);
    const groups = [...before.manifest.units.values()].map((unit, at): GroupResult => {
      const files = unit.files.map((reference) => ({
        reference,
        sha256: `new ${reference.key}`,
        size: 5,
        mtime: '',
        signature: null,
      }));
      const last = at === count - 1;
      return {
        key: unit.id,
        componentId: null,
        units: [unit],
        action: last ? 'earlier' : 'fetch',
        fault: null,
        files: last ? [] : files,
      };
    });
    const states = holdBackSharers(groups, staying(before)).map(({ action }) => action);
    expect(new Set(states)).toEqual(new Set(['earlier']));
  });
});
