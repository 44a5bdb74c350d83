import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { rm, truncate } from 'node:fs/promises';
import { get as httpGet, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { startListeners, type Listeners } from '../../src/platform/http/listeners.js';
import { MissingRequests } from '../../src/mirror/source/missing-requests.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { ServingCounters } from '../../src/mirror/source/serving-counters.js';
import { createUpdateSource } from '../../src/mirror/source/update-source.handler.js';
import { PublishedFixture, RecordingLogger } from '../support/published-tree.js';
import { eventually, rawExchange } from '../support/raw-http.js';

const BIG = randomBytes(3_000_000);
const MODIFIED = 'Wed, 04 Mar 2026 05:06:07 GMT';
const MANIFEST = '[Common]\r\nVersion=1.0\r\n';

describe('update source', () => {
  let fixture: PublishedFixture;
  let tree: PublishedTree;
  let logger: RecordingLogger;
  let listeners: Listeners;
  let missing: MissingRequests;
  let counters: ServingCounters;
  let url: string;

  beforeEach(async () => {
    fixture = await PublishedFixture.create();
    await fixture.publish('global', 's1', [
      { path: 'server.ini', content: 'earlier' },
      { path: 'pattern/vsapi239.zip', content: 'earlier pattern' },
      { path: 'pattern/v_237.sig', content: 'earlier signature' },
    ]);
    await fixture.publish('global', 's2', [
      { path: 'server.ini', content: MANIFEST },
      { path: 'Pattern/vsapi241.zip', content: BIG },
      { path: 'pattern/v_237.sig', content: 'signature' },
      { path: 'pattern/empty.zip', content: '' },
      { path: 'japan/server.ini', content: 'a folder of the global tree' },
    ]);
    await fixture.publish('japan', 's2', [{ path: 'server.ini', content: 'japan' }]);
    logger = new RecordingLogger();
    tree = new PublishedTree(fixture.dataDir, logger);
    await tree.refresh();
    missing = new MissingRequests();
    counters = new ServingCounters();
    const source = createUpdateSource({ tree, logger, onMissing: missing.record, metrics: counters });
    listeners = await startListeners({
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 'off',
      handler: (req, res) => {
        if (!source(req, res)) res.writeHead(418).end('not the update source');
      },
    });
    url = listeners.httpUrl ?? '';
  });

  afterEach(async () => {
    await listeners.close(0);
    await fixture.remove();
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(url + path, { method, headers });
  const etagOf = async (path: string): Promise<string> => (await get(path, {}, 'HEAD')).headers.get('etag') ?? '';
  const entryOf = (path: string) => tree.holding('global', path)?.entries.get(path);
  const openBlobs = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(fixture.dataDir);
      } catch {
        return false;
      }
    }).length;

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
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(body);
  });

  it('sends a large file whole, with all headers', async () => {
    const answer = await get('/activeupdate/pattern/vsapi241.zip');
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
    tree.defaultChannel = 'global';
    expect(await (await get('/TvcsDownload/ActiveUpdate/server.ini')).text()).toBe(MANIFEST);
  });

  it('answers HEAD like GET, without a body', async () => {
    for (const path of ['/activeupdate/server.ini', '/activeupdate/pattern/vsapi241.zip']) {
      const [head, full] = [await get(path, {}, 'HEAD'), await get(path)];
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      for (const name of ['etag', 'content-length', 'last-modified', 'content-type', 'cache-control', 'accept-ranges'])
        expect(head.headers.get(name)).toBe(full.headers.get(name));
      await full.body?.cancel();
    }
    expect((await get('/activeupdate/none', {}, 'HEAD')).status).toBe(404);
    expect((await get('/activeupdate/server.ini', { range: 'bytes=1-2' }, 'HEAD')).status).toBe(200);
  });

  it('answers 304 to who has it already', async () => {
    const etag = await etagOf('/activeupdate/server.ini');
    for (const tags of [etag, `W/${etag}`, '*', `"x", ${etag}`]) {
      const answer = await get('/activeupdate/server.ini', { 'if-none-match': tags });
      expect(answer.status).toBe(304);
      expect(answer.headers.get('etag')).toBe(etag);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(answer.headers.get('content-length')).toBeNull();
    }
    expect((await get('/activeupdate/server.ini', { 'if-modified-since': MODIFIED })).status).toBe(304);
    expect((await get('/activeupdate/server.ini', { 'if-modified-since': 'rubbish' })).status).toBe(200);
    expect(
      (await get('/activeupdate/server.ini', { 'if-none-match': '"x"', 'if-modified-since': MODIFIED })).status,
    ).toBe(200);
  });

  it('gives the manifest a new tag with each publication', async () => {
    const etag = await etagOf('/activeupdate/server.ini');
    await fixture.publish('global', 's3', [{ path: 'server.ini', content: 'new' }]);
    await tree.refresh();
    const answer = await get('/activeupdate/server.ini', { 'if-none-match': etag });
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
    const answer = await get('/activeupdate/pattern/vsapi241.zip', { range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/3000000`);
    expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
    expect(Buffer.from(await answer.arrayBuffer()).equals(BIG.subarray(first, last + 1))).toBe(true);
  });

  it('sends ranges of small files', async () => {
    for (let i = 0; i < 2; i++) {
      const answer = await get('/activeupdate/server.ini', { range: 'bytes=1-6' });
      expect(answer.status).toBe(206);
      expect(await answer.text()).toBe('Common');
    }
  });

  it.each(['items=0-5', 'bytes=5-2', 'bytes=x', 'bytes=0-1,5-6', 'bytes=-'])(
    'sends everything for Range %s',
    async (range) => {
      const answer = await get('/activeupdate/server.ini', { range });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(MANIFEST);
    },
  );

  it.each([
    ['/activeupdate/server.ini', `bytes=${MANIFEST.length}-`, MANIFEST.length],
    ['/activeupdate/pattern/vsapi241.zip', 'bytes=3000000-', 3_000_000],
    ['/activeupdate/pattern/empty.zip', 'bytes=0-', 0],
  ])('refuses of %s the range %s', async (path, range, size) => {
    const answer = await get(path, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${size}`);
  });

  it('resumes only what is still the same (If-Range)', async () => {
    const path = '/activeupdate/server.ini';
    const etag = await etagOf(path);
    const status = async (ifRange: string) => (await get(path, { range: 'bytes=1-6', 'if-range': ifRange })).status;
    expect(await status(etag)).toBe(206);
    expect(await status(MODIFIED)).toBe(206);
    expect(await status('"other"')).toBe(200);
    expect(await status(`W/${etag}`)).toBe(200);
    expect(await status('Wed, 04 Mar 2026 05:06:08 GMT')).toBe(200);
  });

  it('refuses what does not meet If-Match', async () => {
    const answer = await get('/activeupdate/server.ini', { 'if-match': '"other"' });
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
    const answer = await rawExchange(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    '/activeupdate',
    '/activeupdate/',
    '/activeupdate/pattern/',
    '/activeupdate/none.zip',
    '/activeupdate/@none/server.ini',
  ])('has nothing at %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('text/plain');
  });

  it('does not fill a frozen snapshot from others', async () => {
    expect((await get('/activeupdate/@s2/pattern/vsapi239.zip')).status).toBe(404);
    const frozen = await get('/activeupdate/@s1/server.ini');
    expect(frozen.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(frozen.headers.get('x-haishin-snapshot')).toBe('s1');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('refuses %s', async (method) => {
    const text = `${method} /activeupdate/server.ini HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc`;
    const answer = await rawExchange(url, text);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toContain('Allow: GET, HEAD\r\n');
  });

  it('leaves other URLs to others', async () => {
    expect((await get('/api/v1/components')).status).toBe(418);
    expect((await get('/activeupdater/server.ini')).status).toBe(418);
  });

  it('speaks HTTP/1.0 without Host, and closes', async () => {
    const answer = await rawExchange(url, 'GET /activeupdate/server.ini HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nContent-Length: 23\r\n/);
    expect(answer.endsWith(`\r\n\r\n${MANIFEST}`)).toBe(true);
    const large = await rawExchange(url, 'GET /activeupdate/pattern/vsapi241.zip HTTP/1.0\r\n\r\n');
    expect(Buffer.from(large, 'latin1').subarray(-BIG.length).equals(BIG)).toBe(true);
  });

  it('sends all to a client that closes its half of the connection, pipelined requests included', async () => {
    const path = '/activeupdate/pattern/vsapi241.zip';
    const large = await rawExchange(url, `GET ${path} HTTP/1.0\r\n\r\n`, true);
    expect(Buffer.from(large, 'latin1').subarray(-BIG.length).equals(BIG)).toBe(true);
    const three = await rawExchange(url, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3), true);
    expect(three.length).toBeGreaterThan(3 * BIG.length);
    expect(openBlobs()).toBe(0);
  });

  it('closes files of clients that close their half, and then go away', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => undefined).end('GET /activeupdate/pattern/vsapi241.zip HTTP/1.0\r\n\r\n');
      await once(socket, 'data');
      socket.destroy();
    }
    await eventually(() => openBlobs() === 0, 'all files are closed');
    expect(logger.at('error')).toEqual([]);
  });

  it('answers pipelined requests in order', async () => {
    const one = 'GET /activeupdate/server.ini HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = 'GET /activeupdate/japan/server.ini HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answer = await rawExchange(
      url,
      `GET /activeupdate/pattern/vsapi241.zip HTTP/1.1\r\nHost: x\r\n\r\n${one}${one}${last}`,
    );
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    expect(answer.endsWith('\r\n\r\njapan')).toBe(true);
  });

  it('asks to come back before anything is published, and has no other file', async () => {
    const empty = await PublishedFixture.create();
    const source = createUpdateSource({
      tree: new PublishedTree(empty.dataDir, logger),
      logger,
      onMissing: missing.record,
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
      expect(missing.drain().map(({ kind }) => kind)).toEqual(['not-published', 'not-published']);
    } finally {
      await bare.close(0);
      await empty.remove();
    }
  });

  it('counts what is asked for and not held, and what was served', async () => {
    await get('/activeupdate/engine/tmufe1000.zip');
    await get('/activeupdate/engine/tmufe1001.zip');
    await get('/activeupdate/ini_xml.zip');
    await get('/activeupdate/pattern/');
    await (await get('/activeupdate/japan/server.ini')).text();
    expect(missing.drain()).toEqual([
      expect.objectContaining({ channel: 'global', key: 'engine/tmufe', count: 2, kind: 'not-held' }),
    ]);
    expect(counters.totals()).toContainEqual({ channel: 'japan', status: 200, answers: 1, bytes: 5 });
    expect(counters.totals()).toContainEqual(expect.objectContaining({ channel: 'global', status: 404, answers: 4 }));
  });

  it('answers 503 for a file that has vanished, and says so in the log', async () => {
    const entries = ['pattern/vsapi241.zip', 'pattern/v_237.sig'].map(entryOf);
    for (const entry of entries) await rm(entry?.file ?? '');
    for (const entry of entries)
      for (const method of ['GET', 'HEAD']) {
        const answer = await get(`/activeupdate/${entry?.path}`, {}, method);
        expect(answer.status).toBe(503);
        expect(answer.headers.get('etag')).toBeNull();
      }
    expect(logger.at('error')).toHaveLength(4);
    const poll = { 'if-none-match': entries[0]?.etag ?? '' };
    for (const method of ['GET', 'HEAD'])
      expect((await get(`/activeupdate/${entries[0]?.path}`, poll, method)).status).toBe(304);
  });

  it('cuts the connection when a file turns out too short, and appends nothing', async () => {
    await truncate(entryOf('pattern/vsapi241.zip')?.file ?? '', 1_000_000);
    const answer = await get('/activeupdate/pattern/vsapi241.zip');
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await logger.waitFor((line) => line.level === 'error');
    await eventually(() => openBlobs() === 0, 'the file is closed');
  });

  it('does not serve a small file of the wrong size', async () => {
    await truncate(entryOf('pattern/v_237.sig')?.file ?? '', 3);
    for (const method of ['HEAD', 'GET'])
      expect((await get('/activeupdate/pattern/v_237.sig', {}, method)).status).toBe(503);
  });

  it('answers HEAD for what is in memory, as it does GET', async () => {
    await get('/activeupdate/pattern/v_237.sig');
    await rm(entryOf('pattern/v_237.sig')?.file ?? '');
    for (const method of ['HEAD', 'GET'])
      expect((await get('/activeupdate/pattern/v_237.sig', {}, method)).status).toBe(200);
  });

  it('closes files of clients that go away', async () => {
    const abort = () =>
      new Promise<void>((resolve, reject) => {
        const req = httpGet(`${url}/activeupdate/pattern/vsapi241.zip`, { agent: false }, (res: IncomingMessage) => {
          res.once('data', () => req.destroy());
          res.once('close', resolve);
        });
        req.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)));
      });
    for (let i = 0; i < 40; i++) await abort();
    await eventually(() => openBlobs() === 0, 'all files are closed');
    expect(logger.at('error')).toEqual([]);
    expect((await (await get('/activeupdate/pattern/vsapi241.zip')).arrayBuffer()).byteLength).toBe(BIG.length);
  });

  it('holds a file open only while a client that takes nothing is there', async () => {
    // More than the kernel's buffers on both sides can take.
    await fixture.publish('global', 's3', [{ path: 'pattern/large999.zip', content: Buffer.alloc(40_000_000) }]);
    await tree.refresh();
    const req = request(`${url}/activeupdate/pattern/large999.zip`, { agent: false });
    req.on('error', () => undefined);
    const res = await new Promise<IncomingMessage>((resolve) => req.on('response', resolve).end());
    res.pause();
    expect(openBlobs()).toBe(1);
    req.destroy();
    await eventually(() => openBlobs() === 0, 'the file is closed');
  });

  it('finishes a transfer of content that retention has removed meanwhile', async () => {
    const entry = entryOf('pattern/vsapi241.zip');
    const answer = await get('/activeupdate/pattern/vsapi241.zip');
    await rm(entry?.file ?? '');
    expect(Buffer.from(await answer.arrayBuffer()).equals(BIG)).toBe(true);
  });

  it('opens no file for what is pipelined behind another answer before its turn', async () => {
    const path = '/activeupdate/pattern/vsapi241.zip';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    // Nobody reads: the first answer does not end, and fifty wait behind it.
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(51));
    await eventually(() => openBlobs() > 0, 'the first file is open');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(openBlobs()).toBe(1);
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    await eventually(() => received > 51 * BIG.length, 'all of them are sent in the end', 60_000);
    socket.destroy();
    await eventually(() => openBlobs() === 0, 'nothing stays open');
  });
});
