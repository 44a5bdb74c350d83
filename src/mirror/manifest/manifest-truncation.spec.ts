import { Manifest } from './manifest.js';
import { truncationSign } from './manifest-truncation.js';

const LINES = [
  '[Common]',
  'Version=1.0',
  '[PATTERN]',
  'P.4=pattern/vsapi241.zip, 1724100, 100',
  'P.4.MergeCount=2',
  'P.4.Merge.1=pattern/v_239.241, 1723900, 10',
  'P.4.Merge.2=pattern/v_237.241, 1723700, 11',
  '[ENGINE]',
  'E.10=NT, engine/nt.zip, 12.5.1004, 12',
  '[Info_602_10000_1_1]',
  'Version=6.0',
  'Path=product/tool.zip, 9',
];
const manifest = (text: string): Manifest => Manifest.parse(Buffer.from(text, 'latin1'));
const whole = (count = LINES.length): string =>
  LINES.slice(0, count)
    .map((line) => `${line}\r\n`)
    .join('');
/** As far as the given text, which stands there. */
const upTo = (end: string): string => whole().slice(0, whole().indexOf(end) + end.length);

describe('a manifest beside what its source said before', () => {
  const sign = (text: string, last = whole()): string | null =>
    truncationSign(manifest(text), manifest(last).document)?.en ?? null;

  it('breaks off where its later sections are missing', () => {
    expect(sign(whole(7))).toBe('everything from [engine] on is missing');
    expect(sign(whole(9))).toBe('everything from [info_602_10000_1_1] on is missing');
    expect(sign(upTo('E.10=NT, eng'))).toBe('everything from [info_602_10000_1_1] on is missing');
  });

  it('says so in words that can be stored, whatever the section is called', () => {
    expect(sign(whole(7), whole().replace('[ENGINE]', '[ENG\u0000\u00e9INE]'))).toBe(
      'everything from [eng??ine] on is missing',
    );
  });

  it('breaks off where its last line has no end any more', () => {
    expect(sign(upTo('Path=product/tool'))).toBe('its last line has no end');
  });

  it('is whole with other lines, sections more, or one less in the middle', () => {
    expect(sign(whole().replace('1724100', '1724200'))).toBeNull();
    expect(sign(`${whole()}[Info_603_10000_1_1]\r\nVersion=1\r\n`)).toBeNull();
    expect(sign(LINES.filter((_, at) => at !== 7 && at !== 8).join('\r\n') + '\r\n')).toBeNull();
  });

  it('may do without the end of its last line when that is the last one of before, or never had an end', () => {
    expect(sign(whole().trimEnd())).toBeNull();
    expect(sign(whole().trimEnd().replaceAll('\r\n', '\n'))).toBeNull();
    expect(sign(upTo('Path=product/tool'), whole().trimEnd())).toBeNull();
  });
});

describe('a manifest that is read for the first time', () => {
  const sign = (text: string): string | null => truncationSign(manifest(text), null)?.en ?? null;
  const BREAKS_OFF = 'its last line breaks off';

  it.each([
    ['in the middle of a header', '[ENGI'],
    ['before the equals sign', 'P.4.Merge'],
    ['in the middle of an entry', 'P.4=pattern/vsa'],
    ['before all announced increments are there', 'P.4.Merge.1=pattern/v_239.241, 1723900, 1'],
  ])('breaks off %s', (_, end) => {
    expect(sign(upTo(end))).toBe(BREAKS_OFF);
  });

  it('is taken as it is when nothing speaks against it', () => {
    for (const text of [whole(), whole().trimEnd(), whole(7), whole(7).trimEnd(), '[PATTERN]'])
      expect(sign(text)).toBeNull();
  });
});
