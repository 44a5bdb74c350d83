import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createForwarder, FORWARDED_CLIENT_CN, type Forwarder } from '../../src/platform/http/forwarding.js';
import { answerHalfClosed, onSaidAll } from '../../src/platform/http/half-closed.js';
import { startSocketListener } from '../../src/platform/http/socket-listener.js';
import { eventually, rawExchange } from '../support/raw-http.js';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

describe('what content workers hand on to the management process', () => {
  let directory: string;
  let primary: Server;
  let front: Server;
  let forwarder: Forwarder;
  let seen: Seen[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-forward-'));
    seen = [];
    primary = createServer((req, res) => {
      const { method, url, headers } = req;
      void text(req).then((body) => {
        seen.push({ method, url, headers, body });
        res.end(`answer to ${url}`);
      });
    });
    const socket = join(directory, 'api.sock');
    await new Promise<void>((resolve) => primary.listen(socket, resolve));
    forwarder = createForwarder(socket);
    front = createServer(forwarder.handler);
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    forwarder.close();
    for (const server of [front, primary]) {
      server.closeAllConnections();
      server.close();
    }
    await rm(directory, { recursive: true, force: true });
  });

  it('passes on that a client has closed its half of the connection, behind its whole body, and brings it the answer', async () => {
    answerHalfClosed(front);
    answerHalfClosed(primary);
    let told = 0;
    primary.prependListener('request', (req: IncomingMessage) => onSaidAll(req.socket, () => (told += 1)));
    const body = 'x'.repeat(500_000);
    const head = `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
    const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    expect(await rawExchange(url, head + body, true)).toMatch(/answer to \/a/);
    expect(seen[0]?.body).toHaveLength(body.length);
    await eventually(() => told === 1, 'the primary is told');
    // The next request is not mistaken for one of a client that has said all.
    expect(await (await fetch(`${url}/b`)).text()).toBe('answer to /b');
    expect(seen).toHaveLength(2);
  });

  const inner = [
    'GET /smuggled HTTP/1.1',
    'Host: x',
    `${FORWARDED_CLIENT_CN}: victim-product`,
    'X-Forwarded-For: 192.0.2.1',
    '\r\n',
  ].join('\r\n');
  const chunked = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;

  it.each(
    ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PATCH'].flatMap((method) =>
      ['content-length', 'Host, Content-Length', 'transfer-encoding'].map((named) => [method, named] as const),
    ),
  )('a body is never a request of its own: %s with "Connection: %s"', async (method, named) => {
    const body = named === 'transfer-encoding' ? chunked : inner;
    const framing = named === 'transfer-encoding' ? 'Transfer-Encoding: chunked' : `Content-Length: ${inner.length}`;
    const socket = connect((front.address() as AddressInfo).port, '127.0.0.1');
    socket.write(`${method} /outer HTTP/1.1\r\nHost: a\r\nConnection: ${named}\r\n${framing}\r\n\r\n${body}`);
    await eventually(() => seen.length > 0, 'the request arrives');
    // On the same kept connection: whatever else had been sent on it would come first.
    const { port } = front.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/next`)).text()).toBe('answer to /next');
    socket.destroy();
    expect(seen.map((each) => each.url)).toEqual(['/outer', '/next']);
    expect(seen[0]).toMatchObject({ method, body: inner, headers: { host: 'a', 'x-forwarded-for': '127.0.0.1' } });
    expect(seen[0]?.headers[FORWARDED_CLIENT_CN]).toBeUndefined();
  });

  it('headers of one connection stay there, those of the request do not', async () => {
    const socket = connect((front.address() as AddressInfo).port, '127.0.0.1');
    socket.write(
      'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close, X-Own, Authorization\r\nX-Own: 1\r\nAuthorization: Bearer t\r\nTE: trailers\r\n\r\n',
    );
    await eventually(() => seen.length > 0, 'the request arrives');
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer t', connection: 'keep-alive' });
    expect(Object.keys(seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['x-own']));
    expect(seen[0]?.headers.te).toBeUndefined();
    socket.destroy();
  });

  it.each([
    ['a client', false, 'http', 'h'],
    ['a trusted proxy', true, 'https', 'public.example'],
  ])('what %s says of scheme and host, and its own address', async (_who, trusted, scheme, host) => {
    const through = createForwarder(join(directory, 'api.sock'), (address) => trusted && address === '127.0.0.1');
    const server = createServer(through.handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const told = 'X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.example\r\n';
    await rawExchange(url, `GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${told}\r\n`);
    await rawExchange(url, 'GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    const last = (name: string): unknown => seen.at(-1)?.headers[name];
    expect([last('x-forwarded-for'), last('x-forwarded-proto'), last('x-forwarded-host')]).toEqual([
      '127.0.0.1',
      'http',
      'h',
    ]);
    const lastOf = (name: string): string | undefined => String(seen[0]?.headers[name]).split(', ').at(-1);
    expect(lastOf('x-forwarded-for')).toBe('127.0.0.1');
    expect([lastOf('x-forwarded-proto'), lastOf('x-forwarded-host')]).toEqual([scheme, host]);
    through.close();
    server.close();
  });
});

describe('the socket of the management process', () => {
  it('belongs to this account alone, also in a directory that others may enter', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-socket-'));
    const path = join(directory, 'api.sock');
    const listener = await startSocketListener(path, (_req, res) => void res.end());
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await listener.close(0);
    await rm(directory, { recursive: true, force: true });
  });
});
