import cluster from 'node:cluster';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, get as httpGet, type IncomingMessage, type Server } from 'node:http';
import { get as secureGet } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forkContentWorkers, type ContentWorkers } from '../../src/mirror/source/content-worker-pool.js';
import type { WorkerReport, WorkerSettings } from '../../src/mirror/source/worker-messages.js';
import { ensureServerCertificate, keyPairFiles } from '../../src/platform/tls/server-certificate.js';
import { PublishedFixture, RecordingLogger } from '../support/published-tree.js';
import { eventually } from '../support/raw-http.js';

// A worker is a process of its own, so it runs what `npm run build` made.
const ENTRY = fileURLToPath(new URL('../../dist/mirror/source/content-worker-main.js', import.meta.url));

/** What comes on a connection of its own until it ends, however it ends. */
function endOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /activeupdate/server.ini HTTP/1.0\r\n\r\n');
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
}

describe('content workers', () => {
  let fixture: PublishedFixture;
  let logger: RecordingLogger;
  let api: Server;
  let settings: WorkerSettings;
  let reports: WorkerReport[];
  let workers: ContentWorkers | undefined;
  let seenByApi: IncomingMessage[];

  beforeAll(() => {
    if (!existsSync(ENTRY)) throw new Error('Run `npm run build` first: content workers run from dist/.');
  });

  beforeEach(async () => {
    fixture = await PublishedFixture.create();
    await fixture.publish('global', 's1', [{ path: 'server.ini', content: 'global one' }]);
    await fixture.publish('japan', 's1', [{ path: 'server.ini', content: 'japan one' }]);
    logger = new RecordingLogger();
    reports = [];
    seenByApi = [];
    api = createServer((req, res) => {
      seenByApi.push(req);
      if (req.url === '/api/echo') {
        res.writeHead(201, ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
        req.pipe(res);
      } else if (req.url === '/api/stream') res.write('event: first\n\n');
      else res.writeHead(404).end('not of the api');
    });
    const apiSocket = join(fixture.dataDir, 'api.sock');
    await new Promise<void>((resolve) => api.listen(apiSocket, resolve));
    const place = { dir: join(fixture.dataDir, 'tls') };
    await ensureServerCertificate(place);
    const { certFile, keyFile } = keyPairFiles(place);
    settings = {
      dataDir: fixture.dataDir,
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 0,
      tls: { certFile, keyFile },
      apiSocket,
      logLevel: 'silent',
    };
  });

  afterEach(async () => {
    await workers?.stop(100);
    workers = undefined;
    api.closeAllConnections();
    api.close();
    await fixture.remove();
  });

  const fork = async (count: number, entry = ENTRY): Promise<ContentWorkers> =>
    (workers = await forkContentWorkers({
      count,
      settings,
      defaultChannel: 'japan',
      logger,
      onReport: (report) => reports.push(report),
      entry,
    }));
  const textOf = async (path: string): Promise<string> =>
    (await fetch(workers?.httpUrl + path, { headers: { connection: 'close' } })).text();

  it('serve the update source on both listeners and pass the rest on', async () => {
    const { httpUrl, httpsUrl } = await fork(2);
    expect(new Set(workers?.pids()).size).toBe(2);
    expect(await textOf('/activeupdate/server.ini')).toBe('global one');
    expect(await textOf('/TvcsDownload/ActiveUpdate/server.ini')).toBe('japan one');
    const secure = await new Promise<IncomingMessage>((resolve, reject) => {
      secureGet(`${httpsUrl}/activeupdate/server.ini`, { rejectUnauthorized: false, agent: false }, resolve).on(
        'error',
        reject,
      );
    });
    expect(secure.statusCode).toBe(200);
    secure.resume();

    const echoed = await fetch(`${httpUrl}/api/echo`, {
      method: 'POST',
      body: 'x'.repeat(200_000),
      headers: { 'x-forwarded-for': '192.0.2.7', 'x-own': 'kept' },
    });
    expect(echoed.status).toBe(201);
    expect(echoed.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await echoed.text()).toBe('x'.repeat(200_000));
    expect(seenByApi[0]?.headers).toMatchObject({
      'x-own': 'kept',
      'x-forwarded-for': '192.0.2.7, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(httpUrl ?? '').host,
      host: new URL(httpUrl ?? '').host,
    });
  });

  it('get their settings however long they take to load', async () => {
    // node:cluster drops messages that arrive before the worker listens for them.
    const slow = join(fixture.dataDir, 'slow-entry.mjs');
    const load = `await new Promise((resolve) => setTimeout(resolve, 300)); await import(${JSON.stringify(ENTRY)});`;
    await writeFile(slow, load);
    await fork(1, slow);
    expect(await textOf('/activeupdate/server.ini')).toBe('global one');
  });

  it('pass streams on as they come, and end them with the client', async () => {
    await fork(1);
    const req = httpGet(`${workers?.httpUrl}/api/stream`, { agent: false });
    const first = await new Promise<Buffer>((resolve) => req.on('response', (res) => res.once('data', resolve)));
    expect(first.toString()).toBe('event: first\n\n');
    const ended = new Promise((resolve) => seenByApi[0]?.once('close', resolve));
    req.on('error', () => undefined).destroy();
    await ended;
  });

  it('answer 503 for the rest, and go on serving, when the primary does not answer', async () => {
    await fork(1);
    api.closeAllConnections();
    await new Promise((resolve) => api.close(resolve));
    const answer = await fetch(`${workers?.httpUrl}/api/v1/components`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({ code: 'api-unavailable', status: 503, title: 'Not available now' });
    const japanese = await fetch(`${workers?.httpUrl}/api/v1/components`, { headers: { 'accept-language': 'ja' } });
    expect(japanese.headers.get('content-language')).toBe('ja');
    expect(await japanese.json()).toMatchObject({ code: 'api-unavailable', title: '現在利用できません' });
    expect(await textOf('/activeupdate/server.ini')).toBe('global one');
  });

  it('all serve a new snapshot when refresh() resolves', async () => {
    await fork(2);
    for (let i = 2; i < 7; i++) {
      await fixture.publish('global', `s${i}`, [{ path: 'server.ini', content: `global ${i}` }]);
      await workers?.refresh();
      for (let n = 0; n < 4; n++) expect(await textOf('/activeupdate/server.ini')).toBe(`global ${i}`);
    }
  });

  it('follow the default channel', async () => {
    await fork(2);
    workers?.setDefaultChannel('global');
    await workers?.refresh(); // messages keep their order, so the answer to this one follows the change
    for (let n = 0; n < 4; n++) expect(await textOf('/TvcsDownload/ActiveUpdate/server.ini')).toBe('global one');
  });

  it('report what was asked for in vain and what was served', async () => {
    await fork(1);
    await textOf('/activeupdate/engine/tmufe1000.zip');
    await textOf('/activeupdate/server.ini');
    await workers?.stop(1000);
    expect(reports.flatMap(({ missing }) => missing)).toEqual([
      expect.objectContaining({ key: 'engine/tmufe', count: 1 }),
    ]);
    expect(reports.flatMap(({ answers }) => answers)).toContainEqual(
      expect.objectContaining({ channel: 'global', status: 200, answers: 1, bytes: 10 }),
    );
  });

  it.each([1, 2])('are replaced when they are killed (%i of 2), on the same ports', async (killed) => {
    await fork(2);
    const before = workers?.pids() ?? [];
    for (const pid of before.slice(0, killed)) process.kill(pid, 'SIGKILL');
    const again = (): number => logger.lines.filter((line) => line.text.includes('serves again')).length;
    await eventually(() => again() === killed, 'the dead workers are replaced');
    expect(workers?.pids()).toHaveLength(2);
    for (let n = 0; n < 4; n++) expect(await textOf('/activeupdate/server.ini')).toBe('global one');
  });

  it('leave no client waiting that was handed to one of them when it was killed', async () => {
    await fork(2);
    const [hanging = 0] = workers?.pids() ?? [];
    // It is given a connection as any other, and will never take it.
    process.kill(hanging, 'SIGSTOP');
    const answers: string[] = [];
    for (let n = 0; n < 4; n++) void endOf(workers?.httpUrl ?? '').then((text) => answers.push(text));
    await eventually(() => answers.length === 3, 'the other worker answers the rest');
    process.kill(hanging, 'SIGKILL');
    await eventually(() => answers.length === 4, 'every connection is answered or closed');
    for (const answer of answers) expect(answer === '' || answer.endsWith('global one')).toBe(true);
    const again = (): boolean => logger.lines.some((line) => line.text.includes('serves again'));
    await eventually(again, 'the dead worker is replaced');
    expect(await textOf('/activeupdate/server.ini')).toBe('global one');
  });

  it('are replaced as soon as processes can be made again', async () => {
    await fork(2);
    const [first] = workers?.pids() ?? [];
    // Fails as the system without memory or process numbers does: no process is made at all.
    cluster.setupPrimary({ cwd: join(fixture.dataDir, 'nowhere') });
    process.kill(first ?? 0, 'SIGKILL');
    const failures = (): number => logger.lines.filter((line) => line.text.includes('cannot be started')).length;
    await eventually(() => failures() > 1, 'it is tried more than once');
    expect(workers?.pids()).toHaveLength(1);
    expect(await textOf('/activeupdate/server.ini')).toBe('global one');
    cluster.setupPrimary({ cwd: process.cwd() });
    await eventually(() => workers?.pids().length === 2, 'the missing worker is back');
  });

  it('say that a port is in use, and leave no process behind', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    settings = { ...settings, httpPort: (other.address() as AddressInfo).port };
    await expect(fork(2)).rejects.toMatchObject({ kind: 'conflict', code: 'port-in-use' });
    expect(logger.at('info')).toEqual([]);
    other.close();
  });

  it('let running transfers finish when they are stopped', async () => {
    const content = Buffer.alloc(60_000_000, 'x');
    await fixture.publish('global', 's2', [{ path: 'pattern/large999.zip', content }]);
    await fork(1);
    await workers?.refresh();
    const answer = await fetch(`${workers?.httpUrl}/activeupdate/pattern/large999.zip`);
    const stopped = workers?.stop(30_000);
    expect((await answer.arrayBuffer()).byteLength).toBe(content.length);
    await stopped;
    expect(workers?.pids()).toEqual([]);
  });
});
