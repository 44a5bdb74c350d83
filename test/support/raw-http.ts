import { once } from 'node:events';
import { Agent, get as httpGet, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

/** Sends text as it is and resolves with all that comes back until the server closes. `half`: closes our half of the connection behind it. */
export function rawExchange(url: string, request: string, half = false): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => (half ? socket.end(request) : socket.write(request)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.on('error', reject);
  });
}

/** One request with a path exactly as given; `fetch` would tidy it up. */
export async function rawRequest(
  url: string,
  method: string,
  path: string,
  headers: string[] = [],
  body = '',
): Promise<{ status: number; text: string }> {
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${new URL(url).hostname}`, 'Connection: close', ...headers];
  const text = await rawExchange(url, [...head, '', body].join('\r\n'));
  return { status: Number(text.split(' ')[1]), text };
}

/** Sends a request and resets the connection behind it: whoever reads it then finds no address of its sender. */
export async function sendAndReset(url: string, request: string): Promise<void> {
  const { protocol, hostname, port } = new URL(url);
  const connection = connect(Number(port), hostname);
  const closed = once(connection, 'close');
  await once(connection, 'connect');
  const secure = protocol === 'https:' ? tlsConnect({ socket: connection, rejectUnauthorized: false }) : null;
  if (secure !== null) await once(secure, 'secureConnect');
  (secure ?? connection).write(request, () => {
    connection.resetAndDestroy();
    secure?.destroy();
  });
  await closed;
}

/** As much of a TLS handshake as makes a server wait for the rest. */
export const HALF_HELLO = Buffer.from('16030100fa010000f60303', 'hex').toString('latin1');

/** A connection on which nothing but `first` is ever sent. */
export async function openSocket(url: string, first: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  if (first !== '') socket.write(first, 'latin1');
  return socket;
}

/** Waits for a state that no event announces, such as a descriptor being closed; fails when it does not come about. */
export async function eventually(isSo: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface RawAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** The connection ended before the announced length. */
  cut: boolean;
}

/** One request on its own connection; once an answer has begun, a broken one is a result, not an error. */
export function fetchRaw(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers, method, agent: new Agent() }, (response) => {
      const chunks: Buffer[] = [];
      const done = (cut: boolean): void =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks), cut });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => done(!response.complete));
      response.once('error', () => done(true));
      request.off('error', reject).on('error', () => done(true));
    });
    request.once('error', reject);
    request.end();
  });
}

/** Starts a request and resolves at its headers; the body is left to the caller. */
export function openRaw(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => httpGet(url, { agent: new Agent() }, resolve).once('error', reject));
}
