import { derivedFiles, type DerivedFilesInput } from './derived-files.js';
import { fileMap, type HeldFile } from './held-file.js';

function file(path: string, sha256: string, component: string | null = 'p'): HeldFile {
  return { path, sha256, size: 1, mtime: '2026-01-01T00:00:00.000Z', component };
}

function found(change: Partial<DerivedFilesInput>): string[] {
  const input: DerivedFilesInput = {
    japan: fileMap([file('a.zip', '1'), file('b.zip', '2', null)]),
    global: null,
    derived: new Set(),
    mayReplace: () => true,
    delivered: () => false,
    ...change,
  };
  return [...derivedFiles(input)].sort();
}

describe('files that the japan channel has from the global one', () => {
  const global = fileMap([file('a.zip', '1'), file('b.zip', '2', null)]);

  it('are those of derived releases, also when the global channel has gone on', () => {
    const newer = fileMap([file('a.zip', '9')]);
    expect(found({ derived: new Set(['p']), global: newer })).toEqual(['a.sig', 'a.zip']);
  });

  it('are those that the global channel has with the same content', () => {
    expect(found({ global })).toEqual(['a.sig', 'a.zip', 'b.sig', 'b.zip']);
    expect(found({ global: fileMap([file('a.zip', '9')]) })).toEqual([]);
  });

  it('are not those that a source of its own has delivered with that content', () => {
    expect(found({ global, delivered: (key, sha256) => key === 'a.zip' && sha256 === '1' })).toEqual([
      'b.sig',
      'b.zip',
    ]);
  });

  it('stay where a run may not replace them', () => {
    expect(found({ global, mayReplace: (component) => component === null })).toEqual(['b.sig', 'b.zip']);
  });
});
