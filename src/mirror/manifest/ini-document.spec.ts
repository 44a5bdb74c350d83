import fc from 'fast-check';
import { anyManifest, manifestBytes } from '../../../test/support/synthetic-manifest.js';
import { IniDocument, MAX_MANIFEST_BYTES, MAX_MANIFEST_LINES } from './ini-document.js';

function linesOf(text: string) {
  return IniDocument.parse(manifestBytes(text)).lines;
}

describe('IniDocument', () => {
  it('gives back any bytes unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(IniDocument.parse(buffer).toBuffer().equals(buffer)).toBe(true);
      }),
    );
  });

  it('gives back any mixture of line ends, brackets, signs and bytes unchanged', () => {
    const piece = fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      '[',
      ']',
      '=',
      ';',
      ' ',
      '\t',
      'P.4',
      '\u00ef\u00bb\u00bf',
      '\u0000',
      '\u00ff',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const buffer = manifestBytes(pieces.join(''));
        expect(IniDocument.parse(buffer).toBuffer().equals(buffer)).toBe(true);
      }),
    );
  });

  it('gives back manifests unchanged, with byte order mark, mixed line ends and no last line end', () => {
    fc.assert(
      fc.property(anyManifest, (text) => {
        expect(IniDocument.parse(manifestBytes(text)).toBuffer().toString('latin1')).toBe(text);
      }),
    );
  });

  it('tells sections, pairs, comments, blanks and everything else apart', () => {
    const lines = linesOf('stray\n\u00a0\n ; note\n [Abc] ; why\nKey = a, b ;c\n=x\n[half\n[a]b\nk=;v\n');
    expect(lines.map(({ kind, section }) => [kind, section])).toEqual([
      ['other', null],
      ['blank', null],
      ['comment', null],
      ['section', 'Abc'],
      ['pair', 'Abc'],
      ['other', 'Abc'],
      ['other', 'Abc'],
      ['other', 'Abc'],
      ['pair', 'Abc'],
    ]);
    expect(lines[4]).toMatchObject({ raw: 'Key = a, b ;c', eol: '\n', key: 'Key', value: 'a, b' });
    expect(lines[8]).toMatchObject({ key: 'k', value: ';v' });
  });

  it('looks past a byte order mark, on the first line only', () => {
    const [first, , third] = linesOf('\u00ef\u00bb\u00bf[A]\nk=v\n\u00ef\u00bb\u00bf[B]');
    expect(first).toMatchObject({ kind: 'section', section: 'A' });
    expect(third).toMatchObject({ kind: 'other', section: 'A' });
  });

  it('keeps the end of each line, and none where there is none', () => {
    expect(linesOf('a=1\r\nb=2\rc=3\n\nd=4').map(({ eol }) => eol)).toEqual(['\r\n', '\r', '\n', '\n', '']);
    expect(linesOf('')).toEqual([]);
  });

  it('names the line end of the file', () => {
    expect(IniDocument.parse(manifestBytes('a\r\nb\n')).eol).toBe('\r\n');
    expect(IniDocument.parse(manifestBytes('a')).eol).toBe('\n');
  });

  it('refuses more bytes than any manifest has, and takes just as many', () => {
    expect(() => IniDocument.parse(Buffer.alloc(MAX_MANIFEST_BYTES + 1, 'a'))).toThrow(
      expect.objectContaining({ kind: 'upstream', code: 'manifest-too-large' }),
    );
    expect(IniDocument.parse(Buffer.alloc(MAX_MANIFEST_BYTES, 'a')).lines).toHaveLength(1);
  });

  it('refuses more lines than any manifest has, and takes just as many', () => {
    expect(IniDocument.parse(Buffer.alloc(MAX_MANIFEST_LINES, '\n')).lines).toHaveLength(MAX_MANIFEST_LINES);
    expect(() => IniDocument.parse(Buffer.alloc(MAX_MANIFEST_LINES + 1, '\n'))).toThrow(
      expect.objectContaining({ kind: 'upstream', code: 'manifest-too-large' }),
    );
  });
});
