import { keysOf, parse, unitOf } from '../../../test/support/parsed-manifest.js';

describe('owners of legacy lines', () => {
  it('gives nameless twins to whoever owns the named ones when there is no virus pattern', () => {
    const manifest = parse('[PATTERN]', 'P.8=p/a.zip,5,1', 'Path_OLD=p/a.zip,1', 'Version=5', 'MergeCount=0');
    expect(keysOf(manifest, 'P.8')).toEqual(['P.8', 'Path_OLD', 'Version', 'MergeCount']);
  });

  it('gives them to the virus pattern when nothing else tells', () => {
    const manifest = parse('[PATTERN]', 'Version=5', 'MergeCount=0', 'P.4=p/a.zip,5,1');
    expect(keysOf(manifest, 'P.4')).toEqual(['Version', 'MergeCount', 'P.4']);
  });

  it('takes a stale VSAPI twin for the virus pattern, with its file', () => {
    const manifest = parse('[PATTERN]', 'P.4=p/new.zip,5,1', 'Path_VSAPI=p/old.zip,7');
    expect(unitOf(manifest, 'P.4').files.map(({ path }) => path)).toEqual(['p/new.zip', 'p/old.zip']);
  });

  it('makes a unit of a legacy line that no entry stands behind', () => {
    const manifest = parse(
      '[PATTERN]',
      'Path_Old=p/old.zip,7',
      'MergePath_OLD.1=p/o_1.2,3',
      '[ENGINE]',
      'Path_E=e/e.zip,1.2,9',
    );
    expect(keysOf(manifest, 'PATTERN.PATH_OLD')).toEqual(['Path_Old', 'MergePath_OLD.1']);
    expect(unitOf(manifest, 'PATTERN.PATH_OLD').files.map(({ size }) => size)).toEqual([7, 3]);
    expect(unitOf(manifest, 'ENGINE.PATH_E')).toMatchObject({ kind: 'engine', path: 'e/e.zip', size: 9 });
  });

  it('tells engines of one name apart by path', () => {
    const manifest = parse('[ENGINE]', 'E.1=N,e/a.zip,1.0.1,1', 'E.2=N,e/b.zip,1.0.1,1', 'Path_N=e/b.zip,1.0,1');
    expect(keysOf(manifest, 'E.2')).toEqual(['E.2', 'Path_N']);
  });

  it('claims files under unknown keys of an entry, and leaves names and versions of products alone', () => {
    const manifest = parse(
      '[PATTERN]', 'P.4=p/a.zip,5,1', 'P.4.Other=p/b.zip, 9', 'Foo=p/c.zip,3',
      '[Info_1]', 'Path=', 'Title=Client/Server Suite, 5', '[All_Product]', 'Product.1=Lotus/Domino,1,2',
    ); // prettier-ignore
    expect([...manifest.units.keys()]).toEqual(['P.4', 'PATTERN.FOO']);
    expect(unitOf(manifest, 'P.4').files.map(({ path, size, role }) => [path, size, role])).toEqual([
      ['p/a.zip', 1, 'full'],
      ['p/b.zip', 9, 'package'],
    ]);
  });

  it.each([
    ['Path_A=widget/a b.zip, 600', 'widget/a b.zip', 600],
    ['Path=my tool.exe,7', 'my tool.exe', 7],
    ['MergePath_A.1=widget/a b_1.2, 8', 'widget/a b_1.2', 8],
    ['Update_Path=widget/a b, 1.0, 9', 'widget/a b', 9],
    ['File=widget/Tool 2.zip, 12, 600', 'widget/Tool 2.zip', 600],
  ])('claims a file with a space in its name in a section that we do not know: %s', (line, path, size) => {
    const manifest = parse('[WIDGET]', line, '[PATTERN]');
    expect(unitOf(manifest, '[WIDGET]')).toMatchObject({ faults: [], files: [{ path, size, role: 'package' }] });
  });

  it.each([
    'Title=Client/Server Suite, 5',
    'Product.1=Client/Server Suite 3.x, 1, 2',
    'Product.2=Lotus / Domino R5.0, 1, 2',
    'Product.3=Suite for .NET, 1, 2',
    'Path=, 5',
    'PathCount=some words, 5',
    'Path_Count=12, 5',
  ])('takes no name of a product for a file: %s', (line) => {
    expect([...parse('[WIDGET]', line, '[PATTERN]').units.keys()]).toEqual([]);
  });

  it('leaves a comment before the next section to that section', () => {
    const manifest = parse('[Info_1]', 'Path=a/b.zip,1', '; its own', '', '; of the next', '[ENGINE]');
    expect(unitOf(manifest, 'Info_1').lines).toEqual([0, 1, 2, 3]);
  });
});
