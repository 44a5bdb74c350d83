import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerHalfClosed } from './half-closed.js';
import { AppError } from '../errors/app-error.js';
import { OpenConnections } from './open-connections.js';

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => void;

/** PEM. */
export interface KeyPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ListenersOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly httpPort: number | 'off';
  readonly httpsPort: number | 'off';
  readonly handler: RequestHandler;
  /** Needed unless `httpsPort` is off. */
  readonly tls?: KeyPair;
  /** PEM with authorities: client certificates are asked for, and believed when one of these issued them; none is required. */
  readonly clientCa?: string | Buffer | undefined;
  /** Faults of a listener that is open, such as no file descriptor left for a new connection. */
  readonly onError?: (error: Error) => void;
}

export interface Listeners {
  readonly httpUrl: string | null;
  readonly httpsUrl: string | null;
  /** New connections get this pair; running ones go on. Throws what OpenSSL says about a pair that does not fit. */
  setKeyPair(pair: KeyPair): void;
  /** Stops accepting, lets running answers finish for so long, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** AES-GCM first: the machine does it in hardware, and bulk transfer is what this server does. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

const BACKLOG = 4096;
const CLOSE_POLL_MS = 50;

const SERVER_OPTIONS: ServerOptions = {
  keepAliveTimeout: 65_000,
  headersTimeout: 15_000,
  // Time to receive a request, not to answer it: an upload of hundreds of megabytes over a slow line is legitimate.
  requestTimeout: 3_600_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
  noDelay: true,
  // Polls have no body. What reads one that is not there: see `endEmptyBodies`.
  optimizeEmptyRequests: true,
  keepAlive: true,
  // Of HTTP/1.1 only: old products speak HTTP/1.0, some without Host.
  requireHostHeader: true,
};

/**
 * Opens the HTTP and the HTTPS listener with one handler behind both.
 *
 * @throws AppError `port-in-use`, `port-forbidden`, `address-not-available`, `no-listener`, `tls-key-pair-missing`; nothing stays
 * open then.
 */
export async function startListeners(options: ListenersOptions): Promise<Listeners> {
  const { host, httpPort, httpsPort, tls } = options;
  if (httpPort === 'off' && httpsPort === 'off') throw new AppError('bad-input', 'no-listener');
  if (httpsPort !== 'off' && !tls) throw new AppError('bad-input', 'tls-key-pair-missing');

  const onError = options.onError ?? (() => undefined);
  const running = { closing: false };
  const handler: RequestHandler = (req, res) => {
    // Reset by the client meanwhile: nobody is there to be answered, and nobody can tell who that was.
    if (req.socket.remoteAddress === undefined) return void req.socket.destroy();
    if (running.closing) res.shouldKeepAlive = false;
    if (namesTwoHosts(req.rawHeaders)) refuseHosts(res);
    else options.handler(req, res);
  };
  const plain = httpPort === 'off' ? null : tuned(createServer(SERVER_OPTIONS, handler));
  const secure =
    httpsPort === 'off'
      ? null
      : tuned(createSecureServer({ ...SERVER_OPTIONS, ...tlsOptions(options.clientCa), ...tls }, handler));
  const servers = [plain, secure].filter((server) => server !== null);
  const open = servers.map((server) => ({ server, connections: new OpenConnections(server) }));
  try {
    const httpUrl = plain && httpPort !== 'off' ? `http://${await listen(plain, host, httpPort, onError)}` : null;
    const httpsUrl = secure && httpsPort !== 'off' ? `https://${await listen(secure, host, httpsPort, onError)}` : null;
    return {
      httpUrl,
      httpsUrl,
      setKeyPair: (pair) =>
        secure?.setSecureContext({ ...tlsOptions(options.clientCa), cert: pair.cert, key: pair.key }),
      close: async (graceMs) => {
        running.closing = true;
        await Promise.all(open.map(({ server, connections }) => closeGracefully(server, connections, graceMs)));
      },
    };
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

/** RFC 9112 §3.2. Node keeps the first one; whoever stands in front may have gone by the other. */
function namesTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function refuseHosts(res: ServerResponse): void {
  const body = 'A request has one Host.\n';
  res.writeHead(400, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    connection: 'close',
  });
  res.end(body);
}

function tlsOptions(clientCa: string | Buffer | undefined) {
  return {
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
    minVersion: 'TLSv1.2' as const,
    ciphers: CIPHERS,
    honorCipherOrder: true,
    ALPNProtocols: ['http/1.1'],
    // Seconds. Products poll every quarter of an hour: a ticket spares them the full handshake.
    sessionTimeout: 3600,
    handshakeTimeout: 15_000,
  };
}

function tuned<T extends Server | SecureServer>(server: T): T {
  answerHalfClosed(server);
  // 0 = no limit: a fleet's agents keep their connections for good.
  server.maxRequestsPerSocket = 0;
  return server;
}

function listen(
  server: Server | SecureServer,
  host: string,
  port: number,
  onError: (error: Error) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen({ host, port, backlog: BACKLOG }, () => {
      const address = server.address() as AddressInfo;
      server.removeAllListeners('error');
      server.on('error', onError);
      resolve(`${urlHost(address)}:${address.port}`);
    });
  });
}

/** A listener on every address is reached by the loopback one; `0.0.0.0` is no address to connect to. */
function urlHost(address: AddressInfo): string {
  if (address.address === '0.0.0.0') return '127.0.0.1';
  if (address.address === '::') return 'localhost';
  return address.family === 'IPv6' ? `[${address.address}]` : address.address;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const options = { details: { host, port }, cause: error };
  if (error.code === 'EADDRINUSE')
    return new AppError('conflict', 'port-in-use', { values: { port, host }, ...options });
  if (error.code === 'EACCES') return new AppError('bad-input', 'port-forbidden', { values: { port }, ...options });
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new AppError('bad-input', 'address-not-available', { values: { host }, ...options });
  return error;
}

function closeGracefully(server: Server | SecureServer, connections: OpenConnections, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // Connections become idle one by one as their answers end; the server itself tells only once, at the beginning.
    const sweep = setInterval(() => server.closeIdleConnections(), CLOSE_POLL_MS);
    const cut = setTimeout(() => connections.closeAll(), graceMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
    connections.closeSilent();
  });
}
