import fc from 'fast-check';
import { compose, parse } from '../../../test/support/parsed-manifest.js';
import { anyManifest, manifestBytes, RICH_MANIFEST } from '../../../test/support/synthetic-manifest.js';
import { composeManifest } from './manifest-edit.js';
import { Manifest } from './manifest.js';

const rich = Manifest.parse(manifestBytes(RICH_MANIFEST));
const UPSTREAM = { upstreamHosts: ['update.example.test'] };

describe('composeManifest, nothing decided', () => {
  it('changes nothing but [Server]', () => {
    fc.assert(
      fc.property(anyManifest, (text) => {
        const before = parse(text).document.lines.filter(({ section }) => section !== 'Server');
        const after = parse(compose(parse(text))).document.lines.filter(({ section }) => section !== 'Server');
        expect(after.map(({ raw, eol }) => raw + eol)).toEqual(before.map(({ raw, eol }) => raw + eol));
      }),
    );
  });

  it('empties [Server] of everything that names a server', () => {
    const section = compose(rich).split('[Server]')[1]?.split('[PATTERN]')[0];
    expect(section).toBe('\r\n; kept\r\nAvailableServer=0\r\n\r\n');
  });

  it.each([
    ['Server.1=anything', null],
    ['SERVER.22=x', null],
    ['Https=https://other.test/au', null],
    ['Backup=backup.other.test', null],
    ['; ask 10.1.2.3', null],
    ['see //nothing', 'see //nothing'],
    ['AvailableServer = 3 ; three', 'AvailableServer =0'],
    ['Retry=5', 'Retry=5'],
    ['; a comment', '; a comment'],
  ])('makes of %j in [Server]: %j', (line, expected) => {
    const text = compose(parse(`[Common]\n[server]\n${line}\n[PATTERN]\n`));
    expect(text).toBe(`[Common]\n[server]\n${expected === null ? '' : `${expected}\n`}[PATTERN]\n`);
  });
});

describe('composeManifest and the names of upstream', () => {
  const line = (text: string, hosts: string[], section = '[Common]') =>
    compose(parse(`[PATTERN]\n${section}\n${text}`), {}, hosts).split('\n')[2];

  it.each([
    ['; from update.example.test today', ['update.example.test'], '; from localhost.invalid today'],
    ['; from UPDATE.example.test:8080.', ['http://update.example.test/au'], '; from localhost.invalid.'],
    ['Info=https://u:p@update.example.test:443/x', ['update.example.test:443'], 'Info=https://u:p@localhost.invalid/x'],
    ['Info=update.example.test', ['update.example.test'], 'Info=localhost.invalid'],
    ['Info=old.update.example.test', ['update.example.test'], 'Info=old.update.example.test'],
    ['Info=update.example.test.more', ['update.example.test'], 'Info=update.example.test.more'],
    ['Info=my-update.example.test', ['update.example.test'], 'Info=my-update.example.test'],
    ['ActiveUpdate=10.0.0.1', ['10.0.0.1'], 'ActiveUpdate=10.0.0.1'],
    ['Info=http://10.0.0.1:80/', ['10.0.0.1'], 'Info=http://localhost.invalid/'],
    ['; at 10.0.0.1', ['10.0.0.1'], '; at localhost.invalid'],
    ['Info=10.0.0.1:8080', ['10.0.0.1'], 'Info=localhost.invalid'],
    ['Info=10.0.0.11:8080', ['10.0.0.1'], 'Info=10.0.0.11:8080'],
    ['Version=1.0', ['', 'ab', '::', '[::1]:80'], 'Version=1.0'],
    ['proxy=proxy', ['proxy'], 'proxy=proxy'],
    ['proxy=http://proxy:3128', ['proxy'], 'proxy=http://localhost.invalid'],
    ['x=a+b.test (', ['(a+)+.test'], 'x=a+b.test ('],
  ])('%j without %j is %j', (text, hosts, expected) => {
    expect(line(text, hosts)).toBe(expected);
  });

  it('learns hosts from [Server] itself', () => {
    const text = compose(
      parse('[Common]\n; by au.other.test\n[Server]\nServer.1=https://au.other.test:8443/x\n[PATTERN]\n'),
    );
    expect(text).toBe('[Common]\n; by localhost.invalid\n[Server]\n[PATTERN]\n');
  });

  it('never touches a path, a version or a size', () => {
    const text = [
      '[PATTERN]',
      'P.4=update.example.test/a.zip, 10.0.0.1, 5 ; update.example.test',
      '[ENGINE]',
      'E.1=update.example.test, e/a.zip, 10.0.0.1, 5',
    ].join('\n');
    expect(compose(parse(text), {}, ['update.example.test', '10.0.0.1'])).toBe(
      text.replace('; update.example.test', '; localhost.invalid'),
    );
  });

  it.each(['a', 'a.', 'a.test/', '://', '@', ';', ' ;', '1.', ':1', 'update.example.test'])(
    'reads one line of megabytes of %j, in [Server] and outside',
    (piece) => {
      // Not timed: work that grew with the square of the length would run into the time limit of the test.
      const long = piece.repeat(Math.floor(2_000_000 / piece.length));
      const text = [
        '[Server]',
        `; ${long}`,
        `Server.1=${long}`,
        `X=${long}`,
        '[PATTERN]',
        long,
        `k=${long}`,
        `; ${long}`,
      ];
      expect(compose(parse(text.join('\n')), {}, ['update.example.test', '1.1.1.1'])).toContain('[PATTERN]');
    },
  );

  it('leaves no upstream host in the rich manifest', () => {
    expect(composeManifest(rich, new Map(), UPSTREAM).toString('latin1')).not.toContain('example.test');
  });
});
