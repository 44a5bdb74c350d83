import fc from 'fast-check';
import { anyManifest, manifestBytes, RICH_MANIFEST } from '../../../test/support/synthetic-manifest.js';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_LINES } from './ini-document.js';
import { Manifest, MAX_MANIFEST_FILES } from './manifest.js';

function parse(...lines: string[]): Manifest {
  return Manifest.parse(manifestBytes(lines.join('\n')));
}

function unitOf(manifest: Manifest, id: string) {
  const unit = manifest.units.get(id);
  if (!unit) throw new Error(`no unit ${id} among ${[...manifest.units.keys()].join(' ')}`);
  return unit;
}

function keysOf(manifest: Manifest, id: string): string[] {
  return unitOf(manifest, id).lines.map((index) => manifest.document.lines[index]?.key ?? '');
}

function faultsOf(manifest: Manifest, id: string): string[] {
  return unitOf(manifest, id).faults.map(({ code }) => code);
}

describe('Manifest.parse', () => {
  const rich = Manifest.parse(manifestBytes(RICH_MANIFEST));

  it('finds every entry, in order, without faults', () => {
    expect([...rich.units.keys()]).toEqual([
      'P.4',
      'P.48020000',
      'P.48040053',
      'P.48040241',
      'P.800',
      'P.2000ABC',
      'E.10',
      'E.20000',
      'Info_602_10000_1_1',
      '[Later_Section]',
    ]);
    for (const unit of rich.units.values()) expect([unit.id, unit.faults]).toEqual([unit.id, []]);
  });

  it('gives the virus pattern all its lines with its legacy twins', () => {
    expect(keysOf(rich, 'P.4')).toEqual([
      'Version',
      'Path_VSAPI',
      'P.4',
      'P.4.MergeCount',
      'P.4.Merge.1',
      'Merge.1',
      'MergePath_VSAPI.1',
      'P.4.Merge.2',
      'Merge.2',
      'MergePath_VSAPI.2',
      'MergeCount',
    ]);
    expect(unitOf(rich, 'P.4')).toMatchObject({
      kind: 'pattern',
      version: '1724100',
      path: 'pattern/vsapi241.zip',
      size: 6481375,
      files: [
        { path: 'pattern/vsapi241.zip', key: 'pattern/vsapi241.zip', size: 6481375, role: 'full' },
        { path: 'pattern/v_239.241', key: 'pattern/v_239.241', size: 24957, role: 'increment', fromVersion: '1723900' },
        { path: 'pattern/v_240.241', key: 'pattern/v_240.241', size: 12345, role: 'increment', fromVersion: '1724000' },
      ],
    });
  });

  it('matches twins to their entry by path without regard to case', () => {
    expect(keysOf(rich, 'P.800')).toEqual(['P.800', 'Path_TSC', 'P.800.MergeCountEx', 'P.800.Merge.1']);
  });

  it('knows one id in two spellings for one unit', () => {
    expect(keysOf(rich, 'P.2000ABC')).toEqual(['P.2000abc.MergeCountIU', 'P.2000abc.IU.1', 'P.2000ABC']);
    expect(unitOf(rich, 'P.2000ABC').files.map(({ role }) => role)).toEqual(['increment', 'full']);
  });

  it('spells a file as the entry does, and keeps the spellings of its twins', () => {
    const manifest = parse(
      '[PATTERN]', 'Path_VSAPI=Pattern/VSAPI241.ZIP, 1', 'MergePath_VSAPI.1=pattern/V_239.241, 2',
      'P.4=pattern/vsapi241.zip, 1724100, 1', 'P.4.Merge.1=pattern/v_239.241, 1723900, 2', 'Path_V=PATTERN/vsapi241.zip, 1',
      'P.8=p/a.zip, 1, 3',
    ); // prettier-ignore
    expect(unitOf(manifest, 'P.4').files.map(({ path, otherSpellings }) => [path, otherSpellings])).toEqual([
      ['pattern/vsapi241.zip', ['Pattern/VSAPI241.ZIP', 'PATTERN/vsapi241.zip']],
      ['pattern/v_239.241', ['pattern/V_239.241']],
    ]);
    expect(unitOf(manifest, 'P.8').files[0]).not.toHaveProperty('otherSpellings');
  });

  it('keeps few of the spellings of one file', () => {
    const many = Array.from(
      { length: 9 },
      (_, n) => `P.4.Merge.${n}=p/${'abcdefghi'.slice(0, n).toUpperCase()}${'abcdefghi'.slice(n)}, 1, 2`,
    );
    const [file] = unitOf(parse('[PATTERN]', 'P.4=p/x.zip,5,1', ...many), 'P.4').files.slice(1);
    expect(file?.otherSpellings).toEqual(['p/Abcdefghi', 'p/ABcdefghi', 'p/ABCdefghi']);
  });

  it('keeps leading zeros of versions and spaces nowhere', () => {
    expect(unitOf(rich, 'P.48040241')).toMatchObject({ version: '00001800', size: 9790 });
  });

  it('reads engines with name and minimum version, and their twins', () => {
    expect(unitOf(rich, 'E.10')).toMatchObject({
      kind: 'engine',
      name: 'VSAPI32_NT_KD',
      version: '12.5.1004',
      minimumVersion: '6.51.1002',
      files: [{ path: 'engine/ntkd12500.zip', size: 1343062, role: 'full' }],
    });
    expect(keysOf(rich, 'E.10')).toEqual(['E.10', 'Path_VSAPI32_NT_KD']);
  });

  it('takes a product section whole when it names a file, and not at all when it does not', () => {
    const unit = unitOf(rich, 'Info_602_10000_1_1');
    expect(unit).toMatchObject({ kind: 'product', version: '6.0.3011', path: 'product/enu/Tool.zip', size: 217053 });
    expect(unit.files.map(({ path, role }) => [path, role])).toEqual([
      ['product/enu/Tool.zip', 'package'],
      ['product/enu/ToolPatch.zip', 'package'],
    ]);
    expect(unit.lines).toHaveLength(7);
    expect(rich.units.has('Info_603_10000_1_1')).toBe(false);
  });

  it('lists every file once, of all units or of some', () => {
    expect([...rich.files().keys()]).toHaveLength(16);
    expect([...rich.files(['E.10', 'nobody']).keys()]).toEqual(['engine/ntkd12500.zip']);
  });

  it('gives every line one owner, the same as the units say', () => {
    fc.assert(
      fc.property(anyManifest, (text) => {
        const manifest = Manifest.parse(manifestBytes(text));
        const said = new Array<string | null>(manifest.document.lines.length).fill(null);
        for (const unit of manifest.units.values()) {
          expect(unit.faults).toEqual([]);
          for (const index of unit.lines) {
            expect(said[index]).toBeNull();
            said[index] = unit.id;
          }
        }
        expect(said).toEqual(manifest.owners);
      }),
    );
  });

  it('never throws anything but its own errors', () => {
    const piece = fc.constantFrom(
      '[PATTERN]', '[ENGINE]', '[Info_1]', '[X]', '\n', 'P.4', 'E.1', '.Merge.1', '.MergeCount', 'Path_VSAPI', 'MergePath_A.1',
      'Merge.1', 'Version', '=', ',', ' ;', 'a/b', '..', '1724100', '-1', '1e99', '\u0000', 'Path', 'A', '.IU.2',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 50 }), (pieces) => {
        const manifest = Manifest.parse(manifestBytes(`[Common]\n${pieces.join('')}`));
        for (const file of manifest.files().values()) expect(file.path).not.toMatch(/\.\.|\\|\0/);
      }),
      { numRuns: 1000 },
    );
  });

  it('tolerates trailing comments and odd spacing', () => {
    const manifest = parse(
      '[ pattern ] ; x',
      '  p.4 = pattern/a.zip ,1724100, 12 ; the newest',
      'P.4.MERGECOUNT = 0 ; none',
    );
    expect(unitOf(manifest, 'P.4')).toMatchObject({ version: '1724100', size: 12, faults: [] });
  });

  it.each([
    ['an error page', '<html><body>[PATTERN]\n[Common]\n</body></html>'],
    ['nothing', ''],
    ['only blanks', '\n\n \n'],
    ['another INI file', '[Settings]\na=b\n'],
    ['bytes', '\u0000\u0001\u0002PK\u0003\u0004'],
  ])('refuses %s', (_what, text) => {
    expect(() => Manifest.parse(manifestBytes(text))).toThrow(
      expect.objectContaining({ kind: 'upstream', code: 'manifest-not-ini' }),
    );
  });

  it('refuses a manifest above the limits of bytes and of files', () => {
    expect(() => Manifest.parse(Buffer.alloc(MAX_MANIFEST_BYTES + 1))).toThrow(
      expect.objectContaining({ code: 'manifest-too-large' }),
    );
    const lines = Array.from({ length: MAX_MANIFEST_FILES + 1 }, (_, index) => `P.${index}=p/${index}.zip,1,1`);
    expect(() => parse('[PATTERN]', ...lines)).toThrow(
      expect.objectContaining({ kind: 'upstream', code: 'manifest-too-many-files' }),
    );
    expect(parse('[PATTERN]', ...lines.slice(1)).units.size).toBe(MAX_MANIFEST_FILES);
  });
});

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

describe('faults of one unit', () => {
  const sound = ['P.8=p/sound.zip,5,1'];

  it.each([
    ['path-unsafe', ['P.4=../../etc/passwd,5,1']],
    ['path-unsafe', ['P.4=http://host/x.zip,5,1']],
    ['path-unsafe', ['P.4=p/a.zip,5,1', 'P.4.Merge.1=p\\a_1.2,1,1']],
    ['path-unsafe', ['P.4=p/a.zip,5,1', 'P.4.Unknown=../x,1,1']],
    ['path-unsafe', ['P.4=p/a.zip,5,1', 'MergePath_VSAPI.1=/abs,1']],
    ['size-conflict', ['P.4=p/a.zip,5,1', 'Path_VSAPI=p/A.zip,2']],
    ['size-absurd', ['P.4=p/a.zip,5,-1']],
    ['size-absurd', ['P.4=p/a.zip,5,1.5']],
    ['size-absurd', ['P.4=p/a.zip,5,68719476737']],
    ['size-absurd', ['P.4=p/a.zip,5,99999999999999999999999']],
    ['count-absurd', ['P.4=p/a.zip,5,1', 'P.4.MergeCount=-1']],
    ['count-absurd', ['P.4=p/a.zip,5,1', 'P.4.MergeCountEx=100001']],
    ['count-absurd', ['P.4=p/a.zip,5,1', 'MergeCount=many']],
    ['count-absurd', ['P.4=p/a.zip,5,1', 'P.4.MergeCount=']],
    ['entry-malformed', ['P.4=p/a.zip']],
    ['entry-malformed', ['P.4=']],
    ['entry-malformed', ['P.4=,5,1']],
    ['entry-malformed', ['P.4=p/a.zip,,1']],
    ['entry-malformed', ['P.4=p/a.zip,5,1', 'P.4.Merge.1=nothing here']],
    ['entry-malformed', ['P.4.Merge.1=p/a_1.2,1,1']],
    ['duplicate-conflict', ['P.4=p/a.zip,5,1', 'P.4=p/a.zip,6,1']],
    ['duplicate-conflict', ['P.4=p/a.zip,5,1', 'P.4.MergeCount=1', 'p.4.mergecount=2']],
  ])('%s: %j', (code, lines) => {
    const manifest = parse('[PATTERN]', ...lines, ...sound);
    expect(faultsOf(manifest, 'P.4')).toContain(code);
    expect(faultsOf(manifest, 'P.8')).toEqual([]);
  });

  it('names the line, from 1', () => {
    const manifest = parse('[PATTERN]', 'P.4=p/a.zip,5,1', 'P.4.Merge.1=/abs,1,1');
    expect(unitOf(manifest, 'P.4').faults).toEqual([
      { code: 'path-unsafe', message: 'The path "/abs" is refused: it is absolute.', line: 3 },
    ]);
  });

  it('refuses control characters, which no store could keep', () => {
    expect(faultsOf(parse('[PATTERN]', 'P.4=p/a.zip,5,1 ;\u0000'), 'P.4')).toEqual(['entry-malformed']);
  });

  it.each([
    ['an entry', 'P.9%000', ['P.9\u00000=p/a.zip,5,1']],
    ['an increment that nobody has', 'P.9%7f', ['P.9\u007f.Merge.1=p/a_1.2,1,1']],
    ['a legacy twin', 'PATTERN.PATH_A%01', ['Path_A\u0001=p/a.zip,5']],
    ['a key that nobody knows', 'PATTERN.FOO%1b', ['Foo\u001b=p/a.zip,5']],
    ['a product', 'Info_6%002', ['[Info_6\u00002]', 'Version=1\u0000', 'Path=p/a.zip,5']],
    ['a section that nobody knows', '[Wei%00rd]', ['[Wei\u0000rd]', 'Path=p/a.zip,5']],
  ])('refuses control characters in the name of %s, and knows it by one that can be stored', (_what, id, lines) => {
    const manifest = parse('[PATTERN]', ...sound, ...lines);
    expect([...manifest.units.keys()]).toEqual(['P.8', id]);
    expect(faultsOf(manifest, id)).toContain('entry-malformed');
    expect(faultsOf(manifest, 'P.8')).toEqual([]);
    expect(manifest.document.toBuffer().toString('latin1')).toBe(['[PATTERN]', ...sound, ...lines].join('\n'));
  });

  it('says nothing of an entry that a database could not store, whatever stands in it', () => {
    const piece = fc.constantFrom(
      '[Info_1', '[X', ']', '\n', 'P.4', '.Merge.1', '.MergeCount', 'Path', 'Path_A', 'Version', 'Build', '=', ',', '5', 'p/a', '\u0000',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        for (const { lines: _, ...said } of parse('[PATTERN]', pieces.join('')).units.values())
          expect(JSON.stringify(said)).not.toMatch(/(?<!\\)\\u0000/);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['the same line twice', ['P.4=p/a.zip,5,1', 'P.4= p/a.zip, 5, 1']],
    ['a count out of step', ['P.4=p/a.zip,5,1', 'P.4.MergeCount=7']],
    ['no size', ['P.4=p/a.zip,5']],
    ['an empty size', ['P.4=p/a.zip,5,']],
    ['size 0', ['P.4=p/a.zip,5,0']],
    ['a twin that knows the size', ['P.4=p/a.zip,5,0', 'Path_VSAPI=p/a.zip,12']],
    ['a file of 64 GiB', ['P.4=p/a.zip,5,68719476736']],
    ['a file of another unit', ['P.4=p/sound.zip,5,1']],
  ])('is none: %s', (_what, lines) => {
    const manifest = parse('[PATTERN]', ...lines, ...sound);
    expect(faultsOf(manifest, 'P.4')).toEqual([]);
  });

  it('takes an unknown size from whichever line knows it', () => {
    const [file] = unitOf(parse('[PATTERN]', 'P.4=p/a.zip,5,0', 'Path_VSAPI=p/a.zip,12'), 'P.4').files;
    expect(file?.size).toBe(12);
  });

  it('is told to both units whose sizes of one file disagree', () => {
    const manifest = parse('[PATTERN]', 'P.4=p/a.zip,5,1', 'P.8=P/A.zip,5,2', 'P.9=p/a.zip,5,0');
    expect([faultsOf(manifest, 'P.4'), faultsOf(manifest, 'P.8')]).toEqual([['size-conflict'], ['size-conflict']]);
    expect(faultsOf(manifest, 'P.9')).toEqual([]);
  });

  it('is told to every unit when one path is a file here and a folder there', () => {
    const manifest = parse('[PATTERN]', 'P.4=p/a,5,1', 'P.8=P/A/b.zip,5,2', 'P.9=p/a,5,1', 'P.A=p/b,5,1');
    const codes = ['P.4', 'P.8', 'P.9', 'P.A'].map((id) => faultsOf(manifest, id));
    expect(codes).toEqual([['path-conflict'], ['path-conflict'], ['path-conflict'], []]);
  });

  it('is told to every unit when the signature of one would stand where the other has a folder', () => {
    const manifest = parse(
      '[PATTERN]',
      'P.4=p/q.bin,5,1',
      'P.8=P/Q.sig/z.bin,5,2',
      'P.9=p/q.bin,5,1',
      'P.A=p/r.bin,5,1',
    );
    const codes = ['P.4', 'P.8', 'P.9', 'P.A'].map((id) => faultsOf(manifest, id));
    expect(codes).toEqual([['path-conflict'], ['path-conflict'], ['path-conflict'], []]);
  });

  it('keeps the list of faults short', () => {
    const lines = Array.from({ length: 500 }, (_, index) => `P.4.Merge.${index}=/abs${index},1,1`);
    expect(unitOf(parse('[PATTERN]', 'P.4=p/a.zip,5,1', ...lines), 'P.4').faults.length).toBeLessThanOrEqual(50);
  });
});

describe('hostile sizes', () => {
  // Nothing is timed here: work that grew with the square of the input would run into the time limit of the test.
  const count = MAX_MANIFEST_LINES - 10;
  const many = (head: string, line: (index: number) => string) =>
    parse(head + Array.from({ length: count }, (_, index) => line(index)).join('\n')).units.size;

  it('reads as many lines as are allowed, whatever they are', () => {
    expect(many('[PATTERN]\n', (index) => `P.4.X${index}=1`)).toBe(1);
    expect(many('[PATTERN]\n', (index) => `P.${index}.MergeCount=0`)).toBe(count);
    expect(many('[PATTERN]\nP.4=p/a.zip,5,1\n', (index) => `Path_N${index}=p/a.zip,1`)).toBe(1);
    expect(many('[ENGINE]\n', (index) => `E.${index % 1000}=N,e/a.zip,1.0.1,1`)).toBe(1000);
    expect(many('[Common]\n', (index) => `[Info_${index}]`)).toBe(0);
    expect(() => many('[PATTERN]\n', (index) => `Path_N${index}=p/a.zip,1`)).toThrow('more files');
  });

  it.each([' ', ',', ';', '=', '[', 'a', '.', '://', '\t;', 'a.', '%2e', '1', ':1', '/'])(
    'reads one line of megabytes of %j',
    (piece) => {
      const long = piece.repeat(Math.floor(4_000_000 / piece.length));
      const manifest = parse(
        '[PATTERN]',
        `P.4=p/a${long}`,
        `P.4.Merge.1=${long},1,1`,
        long,
        '[Info_1]',
        `Path=${long}`,
      );
      expect(manifest.document.lines).toHaveLength(6);
    },
  );
});
