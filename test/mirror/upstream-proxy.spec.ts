import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench, faultOf, listen, type Handler } from './upstream-server.js';

const request = { size: 5, maxBytes: 100 };
const answer: Handler = (_, response) => void response.end('hello');

const SELF_SIGNED = [
  'req',
  '-x509',
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-days',
  '2',
  '-subj',
  '/CN=127.0.0.1',
];
function certificate() {
  const pem = execFileSync(
    'openssl',
    [...SELF_SIGNED, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', '-', '-out', '-'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  ).toString();
  return { key: pem, cert: pem };
}

describe('a proxy that refuses', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  /** Answers each request, and each CONNECT, with the status; keeps what it was asked. */
  const proxy = async (status: number, headers: Record<string, string> = {}) => {
    const asked: IncomingMessage[] = [];
    const server = createServer((incoming, response) => {
      asked.push(incoming);
      response.writeHead(status, headers).end();
    });
    server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
      asked.push(incoming);
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    });
    const { port, close } = await listen(server);
    bench.onClose(close);
    return { asked, url: `http://127.0.0.1:${port}` };
  };

  it.each(['http', 'https'])('407 for an %s upstream: proxy-auth-required, at once', async (scheme) => {
    const { url, asked } = await proxy(407);
    const source = bench.source(`${scheme}://127.0.0.1:9/`, { proxy: { url: url.replace('//', '//user:secret@') } });
    const fault = await faultOf(source.fetchBlob('a', request));
    expect(fault).toMatchObject({ kind: 'upstream', code: 'proxy-auth-required', details: { proxy: url } });
    expect(JSON.stringify([fault.message, fault.details])).not.toContain('secret');
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers['proxy-authorization']).toBe(`Basic ${Buffer.from('user:secret').toString('base64')}`);
  });

  it('user and password may be given apart, with any characters', async () => {
    const { url, asked } = await proxy(407);
    const source = bench.source('http://127.0.0.1:9/', {
      proxy: { url, username: 'dom\\user', password: 'p@ss:wörd' },
    });
    await faultOf(source.fetchBlob('a', request));
    expect(asked[0]?.headers['proxy-authorization']).toBe(
      `Basic ${Buffer.from('dom\\user:p@ss:wörd').toString('base64')}`,
    );
  });

  it('403 to CONNECT: proxy-unreachable, refused by the proxy', async () => {
    const { url } = await proxy(403);
    const fault = await faultOf(bench.source('https://127.0.0.1:9/', { proxy: { url } }).fetchBlob('a', request));
    expect(fault).toMatchObject({ code: 'proxy-unreachable', details: { status: 403, reason: 'refused-by-proxy' } });
  });

  it('502 to CONNECT: the upstream is unreachable', async () => {
    const { url } = await proxy(502);
    const fault = await faultOf(bench.source('https://127.0.0.1:9/', { proxy: { url } }).fetchBlob('a', request));
    expect(fault).toMatchObject({ code: 'upstream-unreachable', details: { status: 502, reason: 'proxy' } });
  });

  it.each(['http', 'https'])('not there, for an %s upstream: proxy-unreachable', async (scheme) => {
    const closed = await listen(createNetServer());
    await closed.close();
    const url = `http://127.0.0.1:${closed.port}`;
    const fault = await faultOf(bench.source(`${scheme}://127.0.0.1:9/`, { proxy: { url } }).fetchBlob('a', request));
    expect(fault).toMatchObject({ code: 'proxy-unreachable', details: { reason: 'refused', proxy: url } });
  });

  it.each(['http', 'https'])('silent, for an %s upstream: ends in time', async (scheme) => {
    const silent = await listen(createNetServer());
    bench.onClose(silent.close);
    const url = `http://127.0.0.1:${silent.port}`;
    const fault = await faultOf(bench.source(`${scheme}://127.0.0.1:9/`, { proxy: { url } }).fetchBlob('a', request));
    expect(fault.code).toBe('upstream-timeout');
  });

  it('that is no address is refused when the source is made', () => {
    for (const url of ['proxy:3128', 'socks5://127.0.0.1:1080', ''])
      expect(() => bench.source('http://127.0.0.1/', { proxy: { url } })).toThrow(
        expect.objectContaining({ kind: 'bad-input', code: 'proxy-url-invalid' }),
      );
  });
});

interface RealProxy {
  name: string;
  binary: string;
  start(directory: string, port: number): Promise<ChildProcess>;
}

const squid: RealProxy = {
  name: 'Squid',
  binary: 'squid',
  async start(directory, port) {
    const password = execFileSync('openssl', ['passwd', '-apr1', 'secret']).toString().trim();
    await writeFile(join(directory, 'users'), `user:${password}\n`);
    await mkdir(join(directory, 'core'));
    await writeFile(
      join(directory, 'squid.conf'),
      `http_port 127.0.0.1:${port}
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/users
auth_param basic realm test
acl known proxy_auth REQUIRED
acl tls port 1-65535
http_access deny CONNECT !tls
http_access allow known
http_access deny all
cache deny all
pid_filename ${directory}/squid.pid
access_log none
cache_log ${directory}/cache.log
coredump_dir ${directory}/core
netdb_filename none
shutdown_lifetime 0 seconds
`,
    );
    return spawn('squid', ['-N', '-f', join(directory, 'squid.conf')], { stdio: 'ignore' });
  },
};

const tinyproxy: RealProxy = {
  name: 'tinyproxy',
  binary: 'tinyproxy',
  async start(directory, port) {
    await writeFile(
      join(directory, 'tinyproxy.conf'),
      `Port ${port}
Listen 127.0.0.1
Timeout 30
MaxClients 20
BasicAuth user secret
PidFile "${directory}/tinyproxy.pid"
LogFile "${directory}/tinyproxy.log"
`,
    );
    return spawn('tinyproxy', ['-d', '-c', join(directory, 'tinyproxy.conf')], { stdio: 'ignore' });
  },
};

function isInstalled(binary: string): boolean {
  try {
    execFileSync('which', [binary], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

for (const proxy of [squid, tinyproxy]) {
  const installed = isInstalled(proxy.binary);
  if (!installed) console.warn(`skipped: ${proxy.binary} is not installed (apt-get install ${proxy.binary})`);
  (installed ? describe : describe.skip)(`a real ${proxy.name} with login`, () => {
    let bench: Bench;
    let child: ChildProcess;
    let url: string;
    let directory: string;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'haishin-proxy-'));
      // Squid gives up root and must still reach its files.
      await chmod(directory, 0o777);
      const port = await freePort();
      child = await proxy.start(directory, port);
      await untilListening(port, child);
      url = `http://127.0.0.1:${port}`;
    });
    afterAll(async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await gone;
      }
      await rm(directory, { recursive: true, force: true });
    });
    beforeEach(async () => {
      bench = await Bench.open();
    });
    afterEach(() => bench.close());

    it('passes plain HTTP on, in absolute form', async () => {
      const server = await bench.serve(answer);
      const source = bench.source(server.origin, { proxy: { url, username: 'user', password: 'secret' } });
      expect(await source.fetchBlob('a', request)).toMatchObject({ size: 5 });
      // A tunnel would leave no trace.
      expect(server.requests[0]?.headers['via']).toMatch(new RegExp(proxy.name, 'i'));
      expect(server.requests[0]?.headers['proxy-authorization']).toBeUndefined();
    });

    it('tunnels HTTPS', async () => {
      const pair = certificate();
      const caFile = join(bench.directory, 'ca.pem');
      await writeFile(caFile, pair.cert);
      const server = await bench.serve(answer, pair);
      const source = bench.source(server.origin, { caFile, proxy: { url: url.replace('//', '//user:secret@') } });
      expect(await source.fetchBlob('a', request)).toMatchObject({ size: 5 });
      expect(server.requests[0]?.headers['via']).toBeUndefined();
    });

    it.each(['http', 'https'])('wants a valid password, for %s', async (scheme) => {
      const source = bench.source(`${scheme}://127.0.0.1:9/`, { proxy: { url, username: 'user', password: 'wrong' } });
      const fault = await faultOf(source.fetchBlob('a', request));
      expect(fault.code).toBe('proxy-auth-required');
      const anonymous = await faultOf(
        bench.source(`${scheme}://127.0.0.1:9/`, { proxy: { url } }).fetchBlob('a', request),
      );
      expect(anonymous.code).toBe('proxy-auth-required');
    });

    it('reports an upstream that it cannot reach', async () => {
      const closed = await listen(createNetServer());
      await closed.close();
      for (const scheme of ['http', 'https']) {
        const source = bench.source(`${scheme}://127.0.0.1:${closed.port}/`, {
          proxy: { url, username: 'user', password: 'secret' },
        });
        const fault = await faultOf(source.fetchBlob('a', request));
        expect(fault).toMatchObject({ code: 'upstream-unreachable', details: { reason: 'proxy' } });
      }
    });
  });
}

async function freePort(): Promise<number> {
  const { port, close } = await listen(createNetServer());
  await close();
  return port;
}

/** Tries to connect until somebody accepts; the proxies give no other sign. */
function untilListening(port: number, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => reject(new Error(`the proxy ended with ${code}`)));
    const attempt = (): void => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', () => setTimeout(attempt, 50));
    };
    attempt();
  });
}
