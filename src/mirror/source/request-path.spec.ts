import { parseTarget } from './request-path.js';

const parse = (target: string) => parseTarget(target, 'japan');

describe('parseTarget', () => {
  it.each([
    ['/activeupdate/server.ini', 'global', 'server.ini'],
    ['/ActiveUpdate/Pattern/VSAPI241.zip', 'global', 'pattern/vsapi241.zip'],
    ['/activeupdate/japan/server.ini', 'japan', 'server.ini'],
    ['/activeupdate/JAPAN/pattern/a.zip', 'japan', 'pattern/a.zip'],
    ['/activeupdate/japanese/a.zip', 'global', 'japanese/a.zip'],
    ['/TvcsDownload/ActiveUpdate/server.ini', 'japan', 'server.ini'],
    ['/TVCSDownload/ActiveUpdate/server.ini', 'japan', 'server.ini'],
    ['/TvcsDownload/ActiveUpdate/japan/server.ini', 'japan', 'server.ini'],
    ['/activeupdate/server.ini?x=1', 'global', 'server.ini'],
    ['/activeupdate/server.ini#x', 'global', 'server.ini'],
    ['/%61ctiveupdate/%73erver.ini', 'global', 'server.ini'],
    ['/activeupdate/a%2Fb.zip', 'global', 'a/b.zip'],
    ['/activeupdate/%252e%252e/x', 'global', '%2e%2e/x'],
    ['/activeupdate/..a/b..', 'global', '..a/b..'],
    ['/activeupdate//server.ini', 'global', 'server.ini'],
    ['//activeupdate/server.ini', 'global', 'server.ini'],
    ['//TvcsDownload///ActiveUpdate//japan//server.ini', 'japan', 'server.ini'],
    ['/activeupdate/%2F/pattern%2f/a.zip', 'global', 'pattern/a.zip'],
    ['/activeupdate/pattern//?a=//b', 'global', 'pattern/'],
    ['http://mirror.example//activeupdate//server.ini', 'global', 'server.ini'],
    ['http://mirror.example/activeupdate/server.ini', 'global', 'server.ini'],
    ['/activeupdate', 'global', ''],
    ['/activeupdate/', 'global', ''],
    ['/activeupdate/pattern/', 'global', 'pattern/'],
    ['/activeupdate/japan', 'japan', ''],
  ])('%s is channel %s, path %j', (target, channel, path) => {
    expect(parse(target)).toEqual({ channel, snapshot: null, path });
  });

  it.each([
    ['/activeupdate/@S1/server.ini', 'global', 's1', 'server.ini'],
    ['/activeupdate/japan/@s1/pattern/a.zip', 'japan', 's1', 'pattern/a.zip'],
    ['/TvcsDownload/ActiveUpdate/@s1/a', 'japan', 's1', 'a'],
    ['/activeupdate/%40s1/a', 'global', 's1', 'a'],
    ['/activeupdate/@s1', 'global', 's1', ''],
    ['/activeupdate//@s1//a', 'global', 's1', 'a'],
    // An id is only ever looked up in memory, so a strange one is merely unknown.
    ['/activeupdate/@../x', 'global', '..', 'x'],
    ['/activeupdate/@s1/japan/a', 'global', 's1', 'japan/a'],
  ])('%s is frozen', (target, channel, snapshot, path) => {
    expect(parse(target)).toEqual({ channel, snapshot, path });
  });

  it('uses the default channel below the Control Manager base', () => {
    expect(parseTarget('/TvcsDownload/ActiveUpdate/a', 'global')).toMatchObject({ channel: 'global' });
  });

  it.each([
    '/activeupdate/../etc/passwd',
    '/activeupdate/pattern/../../x',
    '/activeupdate/..',
    '/activeupdate/./server.ini',
    '/activeupdate/%2e%2e/x',
    '/activeupdate/%2E%2E%2Fx',
    '/activeupdate/..%2f..%2fx',
    '/activeupdate/..%5c..%5cx',
    '/activeupdate/a\\b',
    '/activeupdate/%00',
    '/activeupdate/a%0d%0ab',
    '/activeupdate/@s1/../x',
    '/activeupdate/@s1%2f..%2fx',
    '/activeupdate/%',
    '/activeupdate/%zz',
    '/activeupdate/%c3%28',
    '/activeupdate//../etc/passwd',
    '//activeupdate/%2f..%2f/x',
    '/activeupdate/..//x',
    '//activeupdate//%zz',
  ])('refuses %s', (target) => {
    expect(parse(target)).toBe('refused');
  });

  it.each([
    '/',
    '*',
    '',
    '/api/v1/components',
    '/activeupdates/x',
    '/activeupdate.zip',
    '//activeupdates/x',
    '/x//activeupdate/',
    '/x?/activeupdate/',
  ])('leaves %j to others', (target) => {
    expect(parse(target)).toBe('not-ours');
  });

  it('leaves bad escapes elsewhere to others', () => {
    expect(parse('/api/%zz')).toBe('not-ours');
  });
});
