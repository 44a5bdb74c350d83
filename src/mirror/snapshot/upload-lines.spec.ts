import { composeManifest, extractUnit } from '../manifest/manifest-edit.js';
import { Manifest } from '../manifest/manifest.js';
import { legacyVersion, placeUpload, type UploadPlaceInput } from './upload-lines.js';

const PUBLISHED = Manifest.parse(
  Buffer.from(
    [
      '[Common]',
      'Version=1.0',
      '[PATTERN]',
      'Version=241                                   ; legacy',
      'Path_VSAPI=pattern/vsapi241.zip, 64813753',
      'P.4=pattern/vsapi241.zip, 1724100,64813753',
      'P.20000400=pattern/ssaptn.zip,246900,  7000',
      'P.4.MergeCount=2',
      'P.4.Merge.1=pattern/v_239.241, 1723900, 24957',
      'Merge.1=239',
      'MergePath_VSAPI.1=pattern/v_239.241, 24957',
      'P.4.Merge.2=pattern/v_237.241, 1723700, 34957',
      'Merge.2=237',
      'MergePath_VSAPI.2=pattern/v_237.241, 34957',
      'MergeCount=2',
      'P.4.MergeCountIU=0',
      '[ENGINE]',
      'E.10=VSAPI32_NT_KD, engine/ntkd12500.zip, 12.5.1004, 1343062, 6.51.1002',
      'Path_VSAPI32_NT_KD=engine/ntkd12500.zip, 12.5, 1343062',
      'E.20000=VSAPI_LINUX, engine/linux/vs.zip, 12.5.1004, 900, 6.51.1002',
      '',
    ].join('\r\n'),
  ),
);

const virusPattern = { id: 'virus-pattern', numbering: 'vsapi', entries: ['P.4'] } as const;
const engine = { id: 'virus-scan-engine', numbering: 'engine', entries: ['E.4', 'E.10', 'E.20000'] } as const;

function place(change: Partial<Omit<UploadPlaceInput, 'component'>> & { component: unknown }) {
  const input = { published: PUBLISHED, fileName: 'vsapi243.zip', size: 1234, version: '1724300', ...change };
  return placeUpload(input as UploadPlaceInput);
}

const textOf = (placed: ReturnType<typeof place>) =>
  placed.lines.flatMap((unit) => unit.lines.map((line) => line.text));

describe('lines of an uploaded release', () => {
  it('replace file, version and size in the published lines, with their twins, and have no increments', () => {
    const placed = place({ component: virusPattern });
    expect(placed.path).toBe('pattern/vsapi243.zip');
    expect(textOf(placed)).toEqual([
      'Version=243                                   ; legacy',
      'Path_VSAPI=pattern/vsapi243.zip, 1234',
      'P.4=pattern/vsapi243.zip, 1724300,1234',
      'P.4.MergeCount=0',
      'MergeCount=0',
      'P.4.MergeCountIU=0',
    ]);
  });

  it('survive the way through the manifest unchanged, so that the release stays recognisable', () => {
    const placed = place({ component: virusPattern });
    const [unit] = placed.lines;
    const bytes = composeManifest(PUBLISHED, new Map([[unit!.unitId, unit!]]), { upstreamHosts: [] });
    const again = Manifest.parse(bytes);
    expect(extractUnit(again, 'P.4')).toEqual(unit);
    expect(again.units.get('P.4')).toMatchObject({ version: '1724300', faults: [], path: 'pattern/vsapi243.zip' });
    expect(again.units.get('P.20000400')).toMatchObject({ version: '246900' });
    expect(bytes.toString()).not.toMatch(/v_23\d/);
  });

  it('belong to the first published entry of an engine; its twin is as short as before', () => {
    const placed = place({ component: engine, fileName: 'ntkd22600-1005.zip', version: '22.600.1005' });
    expect(placed.path).toBe('engine/ntkd22600-1005.zip');
    expect(textOf(placed)).toEqual([
      'E.10=VSAPI32_NT_KD, engine/ntkd22600-1005.zip, 22.600.1005, 1234, 6.51.1002',
      'Path_VSAPI32_NT_KD=engine/ntkd22600-1005.zip, 22.600, 1234',
      'E.20000=VSAPI_LINUX, engine/linux/vs.zip, 12.5.1004, 900, 6.51.1002',
    ]);
    expect(placed.kept.map(({ id }) => id)).toEqual(['E.20000']);
    expect(place({ component: { ...engine, entries: ['E.20000'] } }).path).toBe('engine/linux/vsapi243.zip');
  });

  it('change with it where another entry names the same file, and give way where one would name it', () => {
    const published = Manifest.parse(
      Buffer.from(
        '[PATTERN]\nP.1=pattern/a.zip, 1, 5\nP.2=Pattern/A.zip,1,5\nP.3=pattern/b.zip, 1, 6\nP.4=pattern/c.zip, 1, 7\n',
      ),
    );
    const component = { id: 'four', numbering: 'integer', entries: ['P.1', 'P.2', 'P.3', 'P.4'] };
    const placed = place({ component, published, fileName: 'B.zip', version: '2' });
    expect(textOf(placed)).toEqual([
      'P.1=pattern/B.zip, 2, 1234',
      'P.2=pattern/B.zip,2,1234',
      'P.4=pattern/c.zip, 1, 7',
    ]);
    expect(placed.kept.map(({ id }) => id)).toEqual(['P.4']);
  });

  it('are made up where nothing is published', () => {
    expect(textOf(place({ component: virusPattern, published: null }))).toEqual([
      'Version=243',
      'Path_VSAPI=pattern/vsapi243.zip, 1234',
      'P.4=pattern/vsapi243.zip, 1724300, 1234',
    ]);
    const other = place({
      component: { id: 'antispam-engine', numbering: 'engine', entries: ['E.f1'] },
      version: '9.1',
    });
    expect(other).toEqual({
      path: 'engine/vsapi243.zip',
      lines: [
        {
          unitId: 'E.F1',
          lines: [{ section: 'ENGINE', text: 'E.F1=ANTISPAM_ENGINE, engine/vsapi243.zip, 9.1, 1234' }],
        },
      ],
      kept: [],
    });
  });

  it('keep their spacing, and take no time for a hostile one', () => {
    const lines = [
      '[PATTERN]',
      `Version=\t2${' '.repeat(100_000)}41 `,
      'P.4=\tpattern/a.zip,  1724100 ,',
      'P.4.MergeCount= ',
    ];
    const published = Manifest.parse(Buffer.from(lines.join('\r\n'), 'latin1'));
    const begun = process.cpuUsage();
    expect(textOf(place({ component: virusPattern, published }))).toEqual([
      'Version=\t243 ',
      'P.4=\tpattern/vsapi243.zip,  1724300 ,1234',
      'P.4.MergeCount= 0',
    ]);
    expect(process.cpuUsage(begun).user).toBeLessThan(1_000_000);
  });

  it('do not exist for a component that no manifest names', () => {
    const custom = { id: 'site-rules', numbering: 'dotted', entries: [] };
    expect(place({ component: custom, fileName: 'rules.bin', version: '1.2' })).toEqual({
      path: 'custom/site-rules/1.2/rules.bin',
      lines: [],
      kept: [],
    });
  });

  it("are refused for a product's section", () => {
    const product = { id: 'tool', numbering: 'dotted', entries: ['Info_602_10000_1_1'] };
    expect(() => place({ component: product })).toThrow(expect.objectContaining({ code: 'upload-unsupported' }));
  });

  it('keep what they do not understand, except where it names a file', () => {
    const published = Manifest.parse(
      Buffer.from(
        '[PATTERN]\nP.4=pattern/a.zip, 100000, 5\nP.4.Note=hello\nP.4.Extra=pattern/b.zip, 7\nP.4.IU.1=pattern/c, 1, 2\n',
      ),
    );
    expect(textOf(place({ component: virusPattern, published }))).toEqual([
      'P.4=pattern/vsapi243.zip, 1724300, 1234',
      'P.4.Note=hello',
    ]);
  });
});

describe('the three-digit number', () => {
  it.each([
    ['1724100', 'vsapi', '241'],
    ['1700500', 'vsapi', '005'],
    ['241', 'vsapi', '241'],
    ['2469', 'integer', '2469'],
  ] as const)('of %s (%s) is %s', (version, numbering, expected) => {
    expect(legacyVersion(version, numbering)).toBe(expected);
  });
});
