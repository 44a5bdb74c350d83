import fc from 'fast-check';
import { keysOf, parse, unitOf } from '../../../test/support/parsed-manifest.js';
import { anyManifest, manifestBytes, RICH_MANIFEST } from '../../../test/support/synthetic-manifest.js';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_LINES } from './ini-document.js';
import { Manifest, MAX_MANIFEST_FILES } from './manifest.js';

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
