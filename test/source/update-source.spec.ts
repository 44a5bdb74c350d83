import { startListeners } from '../../src/platform/http/listeners.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { createUpdateSource } from '../../src/mirror/source/update-source.handler.js';
import { PublishedFixture } from '../support/published-tree.js';
import { rawExchange } from '../support/raw-http.js';
import { BIG, MANIFEST, MODIFIED, ServedTree } from '../support/served-tree.js';

describe('update source', () => {
  let served: ServedTree;
  beforeEach(async () => {
    served = await ServedTree.open();
  });
  afterEach(() => served.close());

  it.each([
    ['/activeupdate/server.ini', MANIFEST],
    ['/ACTIVEUPDATE/Server.INI', MANIFEST],
    ['/activeupdate/server.ini?a=b', MANIFEST],
    ['/activeupdate/japan/server.ini', 'japan'],
    ['/activeupdate/Japan/server.ini', 'japan'],
    ['/TvcsDownload/ActiveUpdate/server.ini', 'japan'],
    ['/TVCSDownload/activeupdate/japan/server.ini', 'japan'],
    ['/activeupdate//server.ini', MANIFEST],
    ['//activeupdate/server.ini', MANIFEST],
    ['/activeupdate/@s1/server.ini', 'earlier'],
    ['/activeupdate/@S1/pattern/v_237.sig', 'earlier signature'],
    ['/activeupdate/japan/@s2/server.ini', 'japan'],
    ['/activeupdate/pattern/v_237.sig', 'signature'],
    ['/activeupdate/pattern/vsapi239.zip', 'earlier pattern'],
    ['/activeupdate/pattern/empty.zip', ''],
  ])('serves %s', async (path, body) => {
    const answer = await served.get(path);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(body);
  });

  it('sends a large file whole, with all headers', async () => {
    const answer = await served.get('/activeupdate/pattern/vsapi241.zip');
    expect(Buffer.from(await answer.arrayBuffer()).equals(BIG)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: expect.stringMatching(/^"[0-9a-f]{64}"$/),
      'last-modified': MODIFIED,
      'content-length': '3000000',
      'content-type': 'application/zip',
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=60, must-revalidate',
      'x-haishin-snapshot': 's2',
    });
  });

  it('follows a change of the default channel at once', async () => {
    served.tree.defaultChannel = 'global';
    expect(await (await served.get('/TvcsDownload/ActiveUpdate/server.ini')).text()).toBe(MANIFEST);
  });

  it('answers HEAD like GET, without a body', async () => {
    for (const path of ['/activeupdate/server.ini', '/activeupdate/pattern/vsapi241.zip']) {
      const [head, full] = [await served.get(path, {}, 'HEAD'), await served.get(path)];
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      for (const name of ['etag', 'content-length', 'last-modified', 'content-type', 'cache-control', 'accept-ranges'])
        expect(head.headers.get(name)).toBe(full.headers.get(name));
      await full.body?.cancel();
    }
    expect((await served.get('/activeupdate/none', {}, 'HEAD')).status).toBe(404);
    expect((await served.get('/activeupdate/server.ini', { range: 'bytes=1-2' }, 'HEAD')).status).toBe(200);
  });

  it('answers 304 to who has it already', async () => {
    const etag = await served.etagOf('/activeupdate/server.ini');
    for (const tags of [etag, `W/${etag}`, '*', `"x", ${etag}`]) {
      const answer = await served.get('/activeupdate/server.ini', { 'if-none-match': tags });
      expect(answer.status).toBe(304);
      expect(answer.headers.get('etag')).toBe(etag);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(answer.headers.get('content-length')).toBeNull();
    }
    expect((await served.get('/activeupdate/server.ini', { 'if-modified-since': MODIFIED })).status).toBe(304);
    expect((await served.get('/activeupdate/server.ini', { 'if-modified-since': 'rubbish' })).status).toBe(200);
    expect(
      (await served.get('/activeupdate/server.ini', { 'if-none-match': '"x"', 'if-modified-since': MODIFIED })).status,
    ).toBe(200);
  });

  it('gives the manifest a new tag with each publication', async () => {
    const etag = await served.etagOf('/activeupdate/server.ini');
    await served.fixture.publish('global', 's3', [{ path: 'server.ini', content: 'new' }]);
    await served.tree.refresh();
    const answer = await served.get('/activeupdate/server.ini', { 'if-none-match': etag });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('new');
    expect(answer.headers.get('x-haishin-snapshot')).toBe('s3');
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=1000000-2000000', 1_000_000, 2_000_000],
    ['bytes=2999999-', 2_999_999, 2_999_999],
    ['bytes=65536-', 65_536, 2_999_999],
    ['bytes=-70000', 2_930_000, 2_999_999],
    ['bytes=-9999999', 0, 2_999_999],
  ])('sends the range %s', async (range, first, last) => {
    const answer = await served.get('/activeupdate/pattern/vsapi241.zip', { range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/3000000`);
    expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
    expect(Buffer.from(await answer.arrayBuffer()).equals(BIG.subarray(first, last + 1))).toBe(true);
  });

  it('sends ranges of small files', async () => {
    for (let i = 0; i < 2; i++) {
      const answer = await served.get('/activeupdate/server.ini', { range: 'bytes=1-6' });
      expect(answer.status).toBe(206);
      expect(await answer.text()).toBe('Common');
    }
  });

  it.each(['items=0-5', 'bytes=5-2', 'bytes=x', 'bytes=0-1,5-6', 'bytes=-'])(
    'sends everything for Range %s',
    async (range) => {
      const answer = await served.get('/activeupdate/server.ini', { range });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(MANIFEST);
    },
  );

  it.each([
    ['/activeupdate/server.ini', `bytes=${MANIFEST.length}-`, MANIFEST.length],
    ['/activeupdate/pattern/vsapi241.zip', 'bytes=3000000-', 3_000_000],
    ['/activeupdate/pattern/empty.zip', 'bytes=0-', 0],
  ])('refuses of %s the range %s', async (path, range, size) => {
    const answer = await served.get(path, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${size}`);
  });

  it('resumes only what is still the same (If-Range)', async () => {
    const path = '/activeupdate/server.ini';
    const etag = await served.etagOf(path);
    const status = async (ifRange: string) =>
      (await served.get(path, { range: 'bytes=1-6', 'if-range': ifRange })).status;
    expect(await status(etag)).toBe(206);
    expect(await status(MODIFIED)).toBe(206);
    expect(await status('"other"')).toBe(200);
    expect(await status(`W/${etag}`)).toBe(200);
    expect(await status('Wed, 04 Mar 2026 05:06:08 GMT')).toBe(200);
  });

  it('refuses what does not meet If-Match', async () => {
    const answer = await served.get('/activeupdate/server.ini', { 'if-match': '"other"' });
    expect(answer.status).toBe(412);
  });

  it.each([
    '/activeupdate/../../etc/passwd',
    '/activeupdate/%2e%2e/%2e%2e/etc/passwd',
    '/activeupdate/..%2f..%2fetc%2fpasswd',
    '/activeupdate/..\\..\\x',
    '/activeupdate/%5c..%5c',
    '/activeupdate/%00',
    '/activeupdate/%',
    '/activeupdate/%ff',
    '/activeupdate/@s1/../../x',
  ])('refuses %s', async (path) => {
    const answer = await rawExchange(served.url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    '/activeupdate',
    '/activeupdate/',
    '/activeupdate/pattern/',
    '/activeupdate/none.zip',
    '/activeupdate/@none/server.ini',
  ])('has nothing at %s', async (path) => {
    const answer = await served.get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('text/plain');
  });

  it('does not fill a frozen snapshot from others', async () => {
    expect((await served.get('/activeupdate/@s2/pattern/vsapi239.zip')).status).toBe(404);
    const frozen = await served.get('/activeupdate/@s1/server.ini');
    expect(frozen.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(frozen.headers.get('x-haishin-snapshot')).toBe('s1');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('refuses %s', async (method) => {
    const text = `${method} /activeupdate/server.ini HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc`;
    const answer = await rawExchange(served.url, text);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toContain('Allow: GET, HEAD\r\n');
  });

  it('leaves other URLs to others', async () => {
    expect((await served.get('/api/v1/components')).status).toBe(418);
    expect((await served.get('/activeupdater/server.ini')).status).toBe(418);
  });

  it('speaks HTTP/1.0 without Host, and closes', async () => {
    const answer = await rawExchange(served.url, 'GET /activeupdate/server.ini HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nContent-Length: 23\r\n/);
    expect(answer.endsWith(`\r\n\r\n${MANIFEST}`)).toBe(true);
    const large = await rawExchange(served.url, 'GET /activeupdate/pattern/vsapi241.zip HTTP/1.0\r\n\r\n');
    expect(Buffer.from(large, 'latin1').subarray(-BIG.length).equals(BIG)).toBe(true);
  });

  it('answers pipelined requests in order', async () => {
    const one = 'GET /activeupdate/server.ini HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = 'GET /activeupdate/japan/server.ini HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answer = await rawExchange(
      served.url,
      `GET /activeupdate/pattern/vsapi241.zip HTTP/1.1\r\nHost: x\r\n\r\n${one}${one}${last}`,
    );
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    expect(answer.endsWith('\r\n\r\njapan')).toBe(true);
  });

  it('asks to come back before anything is published, and has no other file', async () => {
    const empty = await PublishedFixture.create();
    const source = createUpdateSource({
      tree: new PublishedTree(empty.dataDir, served.logger),
      logger: served.logger,
      onMissing: served.missing.record,
    });
    const bare = await startListeners({
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 'off',
      handler: (req, res) => void source(req, res),
    });
    try {
      const manifest = await fetch(`${bare.httpUrl}/activeupdate/server.ini`);
      expect(manifest.status).toBe(503);
      expect(manifest.headers.get('retry-after')).toBe('60');
      expect((await fetch(`${bare.httpUrl}/activeupdate/pattern/a.zip`)).status).toBe(404);
      expect(served.missing.drain().map(({ kind }) => kind)).toEqual(['not-published', 'not-published']);
    } finally {
      await bare.close(0);
      await empty.remove();
    }
  });

  it('counts what is asked for and not held, and what was served', async () => {
    await served.get('/activeupdate/engine/tmufe1000.zip');
    await served.get('/activeupdate/engine/tmufe1001.zip');
    await served.get('/activeupdate/ini_xml.zip');
    await served.get('/activeupdate/pattern/');
    await (await served.get('/activeupdate/japan/server.ini')).text();
    expect(served.missing.drain()).toEqual([
      expect.objectContaining({ channel: 'global', key: 'engine/tmufe', count: 2, kind: 'not-held' }),
    ]);
    expect(served.counters.totals()).toContainEqual({ channel: 'japan', status: 200, answers: 1, bytes: 5 });
    expect(served.counters.totals()).toContainEqual(
      expect.objectContaining({ channel: 'global', status: 404, answers: 4 }),
    );
  });
});
