import fc from 'fast-check';
import { parseTarget } from '../source/request-path.js';
import { fileKey, MAX_PATH_LENGTH, MAX_SEGMENT_LENGTH, pathFault } from './manifest-path.js';
import { signaturePathOf } from './signature-path.js';

describe('pathFault', () => {
  it.each([
    'pattern/vsapi241.zip',
    'pattern/v_239.241',
    'engine/ssapi32_v6/SSAPI32_v62-4015.zip',
    'gpl.zip',
    'pattern/lpt$vpn.241',
    'a/b c.zip',
    'pattern/..x/y...z',
    'x/server.ini',
    'pattern/japan/x.zip',
    'japanese/x.zip',
    'x'.repeat(MAX_SEGMENT_LENGTH),
    `a/${'x'.repeat(250)}/`.repeat(2) + 'x'.repeat(MAX_PATH_LENGTH - 506),
  ])('takes %s', (path) => {
    expect(pathFault(path)).toBeNull();
  });

  it.each([
    ['', 'empty'],
    ['/etc/passwd', 'absolute'],
    ['//host/x', 'absolute'],
    ['C:/x.zip', 'colon'],
    ['C:x.zip', 'colon'],
    ['http://host/x.zip', 'colon'],
    ['pattern\\x.zip', 'backslash'],
    ['..\\x', 'backslash'],
    ['../x', 'relative'],
    ['a/../x', 'relative'],
    ['a/..', 'relative'],
    ['./x', 'relative'],
    ['a/./x', 'relative'],
    ['a//x', 'empty segment'],
    ['a/', 'empty segment'],
    ['%2e%2e/x', 'percent'],
    ['a%2Fb', 'percent'],
    ['a%5cb', 'percent'],
    ['a%00b', 'percent'],
    ['%252e%252e/x', 'percent'],
    ['a%20b.zip', 'percent'],
    ['a%b.zip', 'percent'],
    ['japan', 'japan channel'],
    ['japan/x.zip', 'japan channel'],
    ['JAPAN/server.ini', 'japan channel'],
    ['a\u0000b', 'control'],
    ['a\nb', 'control'],
    ['a\u007fb', 'control'],
    ['a\u0085b', 'control'],
    ['pattern/\u00e9.zip', 'ASCII'],
    ['x.zip?y', 'query'],
    ['x.zip#y', 'query'],
    ['server.ini', 'manifest itself'],
    ['Server.INI', 'manifest itself'],
    ['@snapshots/1/x', '@'],
    ['a/@b', '@'],
    ['a/ b', 'space'],
    ['x'.repeat(MAX_PATH_LENGTH + 1), 'longer'],
    ['a/'.repeat(40) + 'x', 'segments'],
    [`pattern/${'n'.repeat(MAX_SEGMENT_LENGTH + 1)}`, 'a segment is longer'],
    [`${'n'.repeat(MAX_SEGMENT_LENGTH + 1)}/x.zip`, 'a segment is longer'],
  ])('refuses %j', (path, why) => {
    expect(pathFault(path)?.en).toContain(why);
  });

  it('takes no path that could leave the base after decoding', () => {
    const piece = fc.constantFrom('.', '..', '/', '\\', '%2e', '%2F', '%25', '2e', 'a', ':', '@', ' ', '\u0000', 'C');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join('');
        if (pathFault(path) !== null) return;
        const url = new URL(path, 'http://base.test/base/');
        expect(url.host).toBe('base.test');
        expect(decodeURIComponent(url.pathname)).toBe(`/base/${path}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no path under which the update source would find another file than a product means', () => {
    const piece = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('/', '%20', '%25', '%', 'japan', 'Japan', '@', '.', ' ', 'a') },
      { weight: 1, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join('');
        if (pathFault(path) !== null) return;
        const target = new URL(path, 'http://base.test/activeupdate/').pathname;
        expect(parseTarget(target, 'global')).toEqual({ channel: 'global', snapshot: null, path: fileKey(path) });
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no name whose signature a file system would refuse', () => {
    const name = fc.string({ unit: fc.constantFrom('n', '.', 'zip'), minLength: 240, maxLength: 260 });
    fc.assert(
      fc.property(name, (path) => {
        if (pathFault(path) === null) expect(Buffer.byteLength(signaturePathOf(path))).toBeLessThanOrEqual(255);
      }),
    );
  });

  it('knows a file by its path without regard to case', () => {
    expect(fileKey('Pattern/VSAPI.zip')).toBe(fileKey('pattern/vsapi.ZIP'));
  });
});
