import { Manifest } from '../manifest/manifest.js';
import type { FetchedFile } from './group-fetch.js';
import { fileMap } from './held-file.js';
import type { HeldTree } from './mirror-plan.js';
import type { GroupResult } from './mirror-run.js';
import { holdBackSharers } from './shared-files.js';

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

const told = (groups: GroupResult[], tree: HeldTree | null = held): string[] =>
  holdBackSharers(groups, tree).map(({ key, action, fault }) => `${key} ${action} ${fault?.code ?? '-'}`);

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
    const holds = new Map([['one', { files: [{ path: 'A.zip', sha256: 'old a.zip' }] }]]);
    const claimed = { ...group('P.1', 'fetch'), componentId: 'one' };
    const groups = holdBackSharers([claimed, group('P.2', 'fetch'), group('P.4', 'fetch')], held, holds);
    expect(groups.map(({ action }) => action)).toEqual(['fetch', 'earlier', 'fetch']);
    expect(groups[1]?.fault?.message).toContain('also belongs to one');
  });

  it('says which entry holds it back', () => {
    const [, second] = holdBackSharers([group('P.1', 'earlier'), group('P.2', 'fetch')], held);
    expect(second?.fault?.message).toBe('A.zip also belongs to P.1, which stays at its earlier release.');
  });
});
