import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { startSampleUpstream, type SampleUpstream } from '../../src/sample-upstream/sample-server.js';
import { Authority } from '../support/authority.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { fetchAsProduct } from '../support/reference-client.js';
import { IMPATIENT, servedTree } from './mirror-bench.js';

const LOOPBACK = { type: 'ip', value: '127.0.0.1' } as const;

describe('an upstream behind TLS', () => {
  let authority: Authority;
  let directory: string;
  let upstream: SampleUpstream;
  let haishin: TestHaishin;

  beforeAll(async () => {
    authority = await Authority.make();
    directory = await mkdtemp(join(tmpdir(), 'haishin-tls-'));
    await writeFile(join(directory, 'ca.pem'), authority.pem);
  });
  afterAll(() => rm(directory, { recursive: true }));
  afterEach(async () => {
    await haishin.dispose();
    await upstream.close();
  });

  async function open(host: { type: 'ip' | 'dns'; value: string }, days: readonly [number, number]): Promise<void> {
    const tls = await authority.issue(host, days);
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }), tls });
    haishin = await startHaishin({ upstreamUrl: upstream.url, limits: IMPATIENT });
  }

  async function set(change: Record<string, unknown>): Promise<void> {
    const path = '/api/v1/settings/update-source';
    const put = await haishin.api.put(path, { ...(await haishin.api.get(path)).body, ...change });
    expect(put.status).toBe(200);
  }

  it('of an authority that nobody knows: refused, and mirrored once the authority is made known', async () => {
    await open(LOOPBACK, [-1, 1]);
    expect(await haishin.api.download()).toMatchObject({
      state: 'failed',
      error: { code: 'upstream-tls', details: { reason: 'unknown-ca' } },
    });
    expect(await haishin.api.component('virus-pattern')).toMatchObject({
      current: null,
      available: { state: 'unknown', reason: 'upstream-tls' },
    });
    expect(upstream.requests).toEqual([]);

    await set({ caFile: join(directory, 'ca.pem') });
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    await servedTree(`${haishin.http}/activeupdate`);
  });

  it.each([
    ['wrong-name', { type: 'dns', value: 'other.example' }, [-1, 1]],
    ['expired', LOOPBACK, [-3, -2]],
  ] as const)('%s: refused although its authority is known', async (reason, host, days) => {
    await open(host, days);
    await set({ caFile: join(directory, 'ca.pem') });
    expect(await haishin.api.download()).toMatchObject({
      state: 'failed',
      error: { code: 'upstream-tls', details: { reason } },
    });
    expect(upstream.requests).toEqual([]);
  });

  it('a CA file that has gone is said to be that; a source without TLS is read all the same', async () => {
    await open(LOOPBACK, [-1, 1]);
    const caFile = join(directory, 'gone.pem');
    await copyFile(join(directory, 'ca.pem'), caFile);
    await set({ caFile });
    await rm(caFile);
    expect(await haishin.api.download()).toMatchObject({ state: 'failed', error: { code: 'ca-file-unreadable' } });
    expect(await haishin.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'ca-file-unreadable' },
    });
    const plain = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }) });
    try {
      await set({ sources: [{ url: plain.url }] });
      expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    } finally {
      await plain.close();
    }
  });

  it('a CA file that has gone is named once a run in the log, also where only a redirect would need it', async () => {
    const lines: { level: number; path?: string; msg: string }[] = [];
    const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[number]);
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005, japanTree: true }) });
    const logger = pino({ level: 'warn' }, { write });
    haishin = await startHaishin({ upstreamUrl: upstream.url, limits: IMPATIENT, logger });
    const caFile = join(directory, 'gone.pem');
    await copyFile(join(directory, 'ca.pem'), caFile);
    await set({ caFile, japanSources: [{ url: `${upstream.url}/japan` }] });
    const told = (): typeof lines => lines.filter(({ path }) => path === caFile);
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    expect(told()).toEqual([]);
    await rm(caFile);
    for (const run of [1, 2]) {
      await haishin.api.download();
      expect(told()).toHaveLength(run);
    }
    expect(told()[0]).toMatchObject({
      level: logger.levels.values['warn'],
      msg: `The file with additional CA certificates cannot be read: ${caFile}. Behind a redirect to HTTPS the source will not be trusted.`,
    });
  });
});

/** A proxy with a login: CONNECT and absolute-form requests. */
class LoginProxy {
  readonly tunnels: string[] = [];
  readonly plain: string[] = [];
  private readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}

  static async start(user: string, password: string): Promise<LoginProxy> {
    const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const server = createServer((request, response) => {
      if (request.headers['proxy-authorization'] !== wanted) return void response.writeHead(407).end();
      proxy.plain.push(request.url ?? '');
      void fetch(request.url ?? '', { headers: { 'accept-encoding': 'identity' } }).then(async (answer) => {
        const body = Buffer.from(await answer.arrayBuffer());
        const headers = ['etag', 'last-modified'].flatMap((name) => {
          const value = answer.headers.get(name);
          return value === null ? [] : [[name, value] as const];
        });
        response.writeHead(answer.status, { ...Object.fromEntries(headers), 'content-length': body.length }).end(body);
      });
    });
    const proxy = new LoginProxy(server);
    server.on('connection', (socket) => proxy.keep(socket));
    server.on('connect', (request, socket: Socket) => {
      if (request.headers['proxy-authorization'] !== wanted)
        return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      proxy.tunnels.push(request.url ?? '');
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'));
      proxy.keep(onward);
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
      onward.pipe(socket).pipe(onward);
      return undefined;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

describe.each(['http', 'https'])('an %s upstream behind a proxy with a login', (scheme) => {
  let directory: string;
  let proxy: LoginProxy;
  let upstream: SampleUpstream;
  let haishin: TestHaishin;

  beforeEach(async () => {
    const authority = await Authority.make();
    directory = await mkdtemp(join(tmpdir(), 'haishin-proxy-'));
    await writeFile(join(directory, 'ca.pem'), authority.pem);
    const tls = scheme === 'https' ? { tls: await authority.issue(LOOPBACK) } : {};
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }), ...tls });
    proxy = await LoginProxy.start('mirror', 'correct horse');
    const config = { proxyUrl: proxy.url.replace('//', '//mirror:wrong@') };
    haishin = await startHaishin({ upstreamUrl: upstream.url, limits: IMPATIENT, config });
    const path = '/api/v1/settings/update-source';
    await haishin.api.put(path, { ...(await haishin.api.get(path)).body, caFile: join(directory, 'ca.pem') });
  });
  afterEach(async () => {
    await haishin.dispose();
    await proxy.close();
    await upstream.close();
    await rm(directory, { recursive: true });
  });

  it('407 until the password is right, then all goes through it; the password is never shown', async () => {
    const refused = await haishin.api.download();
    expect(refused).toMatchObject({ state: 'failed', error: { code: 'proxy-auth-required' } });
    expect(JSON.stringify(refused)).not.toContain('wrong');
    expect(await haishin.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'proxy-auth-required' },
    });
    expect(upstream.requests).toEqual([]);

    const shown = (await haishin.api.get('/api/v1/settings/proxy')).body;
    expect(shown).toMatchObject({ enabled: true, url: proxy.url, username: 'mirror' });
    expect(shown.password).not.toBe('wrong');
    const put = await haishin.api.put('/api/v1/settings/proxy', { ...shown, password: 'correct horse' });
    expect(put).toMatchObject({ status: 200 });
    expect(put.body).toEqual(shown);
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    const through = scheme === 'https' ? proxy.tunnels : proxy.plain;
    expect(through.length).toBeGreaterThan(0);
    const { files } = await servedTree(`${haishin.http}/activeupdate`);
    if (scheme === 'http')
      expect(Object.keys(files).sort()).toEqual([...(await fetchAsProduct(upstream.url)).files.keys()].sort());

    // What a GET shows can be sent back: the mask keeps the password.
    await haishin.api.put('/api/v1/settings/proxy', put.body);
    expect(await haishin.api.download()).toMatchObject({ state: 'unchanged' });
  });
});
