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

  it('leaves a comment before the next section to that section', () => {
    const manifest = parse('[Info_1]', 'Path=a/b.zip,1', '; its own', '', '; of the next', '[ENGINE]');
    expect(unitOf(manifest, 'Info_1').lines).toEqual([0, 1, 2, 3]);
  });
});
