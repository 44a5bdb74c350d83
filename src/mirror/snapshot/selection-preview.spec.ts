import { Manifest } from '../manifest/manifest.js';
import { selectionSize } from './selection-preview.js';

const manifest = Manifest.parse(
  Buffer.from(
    [
      '[Common]',
      '[PATTERN]',
      'P.4=pattern/a.zip, 200, 1000',
      'P.4.MergeCount=1',
      'P.4.Merge.1=pattern/a_1.2, 100, 10',
      'P.8=pattern/b.zip, 1, 500',
      // The same file under another entry costs nothing more.
      'P.9=Pattern/A.zip, 200, 1000',
      'P.a=pattern/unknown.zip, 1',
    ].join('\r\n'),
    'latin1',
  ),
);
const units = new Map([
  ['P.4', 'virus-pattern'],
  ['P.8', 'spyware-pattern'],
]);

describe('what a selection would mirror', () => {
  it.each([
    ['all', [], { entries: 4, files: 4, bytes: 1510, unsized: 1 }],
    ['catalogue', [], { entries: 2, files: 3, bytes: 1510, unsized: 0 }],
    ['selected', ['spyware-pattern'], { entries: 1, files: 1, bytes: 500, unsized: 0 }],
    ['selected', [], { entries: 0, files: 0, bytes: 0, unsized: 0 }],
  ] as const)('%s %j', (mode, components, expected) => {
    expect(selectionSize([manifest], units, { mode, components: [...components] })).toEqual(expected);
  });

  it("the files of the japan channel's own source count as well, entries that both have once", () => {
    const japan = Manifest.parse(
      Buffer.from('[Common]\r\n[PATTERN]\r\nP.4=pattern/a.zip, 280, 2000\r\nP.b=pattern/c.zip, 1, 30\r\n', 'latin1'),
    );
    expect(selectionSize([manifest, japan], units, { mode: 'all', components: [] })).toEqual({
      entries: 5,
      files: 6,
      bytes: 3540,
      unsized: 1,
    });
  });
});
