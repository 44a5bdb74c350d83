import fc from 'fast-check';
import { faultsOf, parse, unitOf } from '../../../test/support/parsed-manifest.js';

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
      {
        code: 'path-unsafe',
        message: 'The path "/abs" is refused: it is absolute.',
        text: {
          en: 'The path "/abs" is refused: it is absolute.',
          ja: 'パス "/abs" は受け付けられません: 絶対パスです。',
        },
        line: 3,
      },
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
