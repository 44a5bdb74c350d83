import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { startListeners, type Listeners, type ListenersOptions } from '../../src/platform/http/listeners.js';
import { ensureServerCertificate, type ServerCertificate } from '../../src/platform/tls/server-certificate.js';
import { HALF_HELLO, openSocket, rawExchange, sendAndReset } from '../support/raw-http.js';

describe('listeners', () => {
  let dir: string;
  let certificate: ServerCertificate;
  const opened: Listeners[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'haishin-listeners-'));
    certificate = await ensureServerCertificate({ dir });
  });
  afterAll(() => rm(dir, { recursive: true }));
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((listeners) => listeners.close(0)));
  });

  const start = async (options: Partial<ListenersOptions> = {}): Promise<Listeners> => {
    const listeners = await startListeners({
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 'off',
      handler: (_req, res) => void res.end('hello'),
      ...options,
    });
    opened.push(listeners);
    return listeners;
  };
  const secureGet = (url: string, options: object = {}) =>
    new Promise<{ body: string; fingerprint: string; protocol: string | null }>((resolve, reject) => {
      const req = secureRequest(url, { ca: certificate.cert, agent: false, ...options }, (res) => {
        const socket = res.socket as import('node:tls').TLSSocket;
        const fingerprint = socket.getPeerCertificate().fingerprint256;
        const protocol = socket.getProtocol();
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('end', () => resolve({ body, fingerprint, protocol }));
      });
      req.on('error', reject).end();
    });

  it('answers on both, and says where', async () => {
    const { httpUrl, httpsUrl } = await start({ httpsPort: 0, tls: certificate });
    expect(httpUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(httpUrl ?? '')).text()).toBe('hello');
    const secure = await secureGet(httpsUrl ?? '');
    expect(secure).toEqual({ body: 'hello', fingerprint: certificate.fingerprintSha256, protocol: 'TLSv1.3' });
  });

  it('can do without either', async () => {
    expect(await start()).toMatchObject({ httpsUrl: null });
    expect(await start({ httpPort: 'off', httpsPort: 0, tls: certificate })).toMatchObject({ httpUrl: null });
    await expect(start({ httpPort: 'off' })).rejects.toMatchObject({ code: 'no-listener' });
    await expect(start({ httpsPort: 0 })).rejects.toMatchObject({ code: 'tls-key-pair-missing' });
  });

  it('names an address that can be connected to when it listens on all', async () => {
    const { httpUrl } = await start({ host: '0.0.0.0' });
    expect(httpUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(httpUrl ?? '')).status).toBe(200);
  });

  it('explains a port in use, and leaves nothing open', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const first = await start({ httpsPort: 'off' });
      const freed = Number(new URL(first.httpUrl ?? '').port);
      await opened.pop()?.close(0);
      await expect(start({ httpPort: freed, httpsPort: port, tls: certificate })).rejects.toMatchObject({
        kind: 'conflict',
        code: 'port-in-use',
        details: { port },
        message: expect.stringContaining(String(port)),
      });
      await start({ httpPort: freed });
    } finally {
      other.close();
    }
  });

  it('explains an address of another machine', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'address-not-available' });
  });

  it('refuses protocols older than TLS 1.2, and speaks HTTP/1.1 only', async () => {
    const { httpsUrl } = await start({ httpPort: 'off', httpsPort: 0, tls: certificate });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(secureGet(httpsUrl ?? '', old)).rejects.toThrow(/protocol version|unsupported protocol/i);
    expect((await secureGet(httpsUrl ?? '', { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    const { hostname, port } = new URL(httpsUrl ?? '');
    const socket = tlsConnect({
      host: hostname,
      port: Number(port),
      ca: certificate.cert,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  it('takes a new key pair without closing anything', async () => {
    const listeners = await start({ httpPort: 'off', httpsPort: 0, tls: certificate });
    const next = await ensureServerCertificate({ dir: join(dir, 'next') });
    expect(() => listeners.setKeyPair({ cert: next.cert, key: certificate.key })).toThrow();
    expect((await secureGet(listeners.httpsUrl ?? '')).fingerprint).toBe(certificate.fingerprintSha256);
    listeners.setKeyPair(next);
    expect((await secureGet(listeners.httpsUrl ?? '', { ca: next.cert })).fingerprint).toBe(next.fingerprintSha256);
  });

  it('answers clients that close their half of the connection behind the request, on both', async () => {
    const { httpUrl, httpsUrl } = await start({
      httpsPort: 0,
      tls: certificate,
      handler: (_req, res) => {
        res.write('begun ');
        setTimeout(() => res.end('and finished'), 50);
      },
    });
    for (const version of ['1.0', '1.1'])
      expect(await rawExchange(httpUrl ?? '', `GET / HTTP/${version}\r\nHost: x\r\n\r\n`, true)).toMatch(
        /and finished/,
      );
    const socket = tlsConnect({
      port: Number(new URL(httpsUrl ?? '').port),
      ca: certificate.cert,
    });
    socket.end('GET / HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/and finished$/);
    socket.destroy();
  });

  it('refuses a request that breaks off, and closes an idle connection that the client closes', async () => {
    const { httpUrl, httpsUrl } = await start({ httpsPort: 0, tls: certificate });
    expect(await rawExchange(httpUrl ?? '', 'GET / HTTP/1.1\r\nHost:', true)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await rawExchange(httpUrl ?? '', '', true)).toBe('');
    const begun = performance.now();
    expect(await rawExchange(httpsUrl ?? '', '', true)).toBe('');
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it.each([
    ['HTTP/1.1', [], 400],
    ['HTTP/1.1', ['Host: a', 'Host: a'], 400],
    ['HTTP/1.1', ['host: a', 'X-A: b', 'HOST: b'], 400],
    ['HTTP/1.0', ['Host: a', 'Host: b'], 400],
    ['HTTP/1.0', [], 200],
    ['HTTP/1.0', ['Host: a'], 200],
    ['HTTP/1.1', ['Host:'], 200],
    ['HTTP/1.1', ['Host: a', 'X-Host: b'], 200],
  ])('%s with the headers %j: %i', async (version, headers, status) => {
    let handled = 0;
    const { httpUrl } = await start({ handler: (_req, res) => void res.end(`hello ${(handled += 1)}`) });
    const lines = [`GET / ${version}`, ...headers, 'Connection: close', '', ''];
    const answer = await rawExchange(httpUrl ?? '', lines.join('\r\n'));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(handled).toBe(status === 200 ? 1 : 0);
  });

  it('hands on no request whose client has gone: it could be anybody', async () => {
    let handled = 0;
    const handler = (_req: IncomingMessage, res: ServerResponse): void => void res.end(`hello ${(handled += 1)}`);
    const { httpUrl, httpsUrl } = await start({ httpsPort: 0, tls: certificate, handler });
    for (const url of [httpUrl ?? '', httpsUrl ?? '']) {
      for (let i = 0; i < 20; i += 1) await sendAndReset(url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      // Connections are taken in their order.
      await secureGet(httpsUrl ?? '');
      await fetch(httpUrl ?? '');
    }
    expect(handled).toBe(4);
  });

  it('refuses headers beyond its limit, and survives rubbish', async () => {
    const { httpUrl } = await start();
    const long = await rawExchange(httpUrl ?? '', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(long).toMatch(/^HTTP\/1\.1 431 /);
    expect(await rawExchange(httpUrl ?? '', 'rubbish\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(httpUrl ?? '')).status).toBe(200);
  });

  describe('close', () => {
    const begun = (): {
      handler: (req: IncomingMessage, res: ServerResponse) => void;
      response: Promise<ServerResponse>;
    } => {
      let handler: (req: IncomingMessage, res: ServerResponse) => void = () => undefined;
      const response = new Promise<ServerResponse>((resolve) => {
        handler = (_req, res) => {
          res.write('begun ');
          resolve(res);
        };
      });
      return { handler, response };
    };

    it('lets a running answer finish, ends idle connections and accepts no more', async () => {
      const { handler, response } = begun();
      let first = true;
      const listeners = await start({
        handler: (req, res) => {
          if (!first) handler(req, res);
          else res.end('idle from now on');
          first = false;
        },
      });
      const url = listeners.httpUrl ?? '';
      const agent = new Agent({ keepAlive: true });
      const idle = new Promise<void>((resolve) => {
        get(url, { agent }, (res) => {
          res.resume();
          res.socket.once('close', () => resolve());
        });
      });
      await new Promise((resolve) => agent.once('free', resolve));
      const running = fetch(url);
      const res = await response;
      const closed = listeners.close(60_000);
      await idle;
      await expect(fetch(url)).rejects.toThrow();
      res.end('and finished');
      expect(await (await running).text()).toBe('begun and finished');
      await closed;
      agent.destroy();
    });

    /** Without an answer the listeners themselves would give these clients up, later. */
    const BEFORE_THEY_ARE_GIVEN_UP_MS = 12_000;
    const openOf = async ({ httpUrl, httpsUrl }: Listeners, plain: string, secure: string): Promise<Socket[]> => {
      const sockets = [await openSocket(httpUrl ?? '', plain), await openSocket(httpsUrl ?? '', secure)];
      // Connections are taken in their order.
      await secureGet(httpsUrl ?? '');
      await fetch(httpUrl ?? '');
      return sockets;
    };

    it(
      'waits for nobody who has not said a word',
      async () => {
        const listeners = await start({ httpsPort: 0, tls: certificate });
        const silent = await openOf(listeners, '', '');
        await listeners.close(600_000);
        for (const socket of silent) socket.destroy();
      },
      BEFORE_THEY_ARE_GIVEN_UP_MS,
    );

    it(
      'cuts what is in the middle of its first words when the grace is over',
      async () => {
        const listeners = await start({ httpsPort: 0, tls: certificate });
        const slow = await openOf(listeners, 'GET / HT', HALF_HELLO);
        await listeners.close(20);
        for (const socket of slow) socket.destroy();
      },
      BEFORE_THEY_ARE_GIVEN_UP_MS,
    );

    it('cuts what runs longer than the grace', async () => {
      const { handler, response } = begun();
      const listeners = await start({ handler });
      const running = fetch(listeners.httpUrl ?? '').then((answer) => answer.text());
      const outcome = expect(running).rejects.toThrow();
      await response;
      await listeners.close(20);
      await outcome;
    });
  });
});
