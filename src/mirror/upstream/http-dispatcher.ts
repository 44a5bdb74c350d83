import * as tls from 'node:tls';
import { Agent, buildConnector, Pool, ProxyAgent, type Dispatcher } from 'undici';
import { AppError } from '../../platform/errors/app-error.js';
import { readCaFile } from './ca-file.js';
import { LentReads, readBuffer } from './lent-reads.js';
import type { TransferLimits } from './transfer-limits.js';

export interface ProxyOptions {
  /** `http://host:port` or `https://host:port`, optionally with `user:password@`. */
  url: string;
  /** Instead of those in the URL. */
  username?: string;
  password?: string;
}

export interface TlsOptions {
  /** PEM file with certificates that are trusted besides the system's. */
  caFile?: string;
  /** Only an explicit `false` accepts any certificate. */
  tlsVerify?: boolean;
}

export interface Connection {
  dispatcher: Dispatcher;
  /** For messages: without credentials; null when there is no proxy. */
  proxy: string | null;
}

/**
 * The pool of connections to one source. HTTP/1.1 only: many files in parallel go faster over several connections than over one.
 * Proxies: CONNECT for HTTPS, absolute-form requests for plain HTTP (Squid's default refuses CONNECT to port 80).
 */
export function openConnection(
  trusted: TlsOptions,
  proxy: ProxyOptions | undefined,
  limits: TransferLimits,
): Connection {
  const extraCa = trusted.caFile === undefined ? null : readCaFile(trusted.caFile);
  const withTls = () => ({
    allowH2: false,
    timeout: limits.connectMs,
    // One context for all connections: parsing the system's certificates takes longer than a handshake.
    secureContext: trust(extraCa),
    rejectUnauthorized: trusted.tlsVerify !== false,
  });
  const pool = {
    allowH2: false,
    connectTimeout: limits.connectMs,
    headersTimeout: limits.headersMs,
    bodyTimeout: 0,
    keepAliveTimeout: 10_000,
  };
  if (proxy === undefined)
    return { dispatcher: new Agent({ ...pool, connect: lazyConnector(withTls, limits) }), proxy: null };

  const url = proxyUrl(proxy.url);
  const username = proxy.username ?? decodeURIComponent(url.username);
  const password = proxy.password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const token = username === '' ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const toOrigin = withTls();
  const dispatcher = new ProxyAgent({
    ...pool,
    uri: url.href,
    ...(token === undefined ? {} : { token }),
    proxyTunnel: false,
    // Without this, CONNECT waits five minutes for its answer.
    clientFactory: (origin, options) => new Pool(origin, { ...options, ...pool }),
    requestTls: toOrigin,
    proxyTls: toOrigin,
  });
  return { dispatcher, proxy: url.origin };
}

function proxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new AppError('bad-input', 'proxy-url-invalid');
  return url;
}

/** Plain HTTP does not pay for the certificates, and reads without garbage. */
function lazyConnector(
  withTls: () => buildConnector.BuildOptions,
  { connectMs }: TransferLimits,
): buildConnector.connector {
  const buffer = readBuffer();
  let secure: buildConnector.connector | undefined;
  return (options, callback) => {
    if (options.protocol === 'https:') (secure ??= buildConnector(withTls()))(options, callback);
    else plain(options, callback, buffer, connectMs);
  };
}

function plain(
  options: buildConnector.Options,
  callback: buildConnector.Callback,
  buffer: Buffer,
  connectMs: number,
): void {
  const reads = new LentReads(buffer);
  buildConnector({ allowH2: false, timeout: connectMs, onread: reads.onread })(options, (error, socket) => {
    if (error !== null) {
      callback(error, null);
      return;
    }
    reads.adopt(socket);
    callback(null, socket);
  });
}

function trust(extraCa: string | null): tls.SecureContext {
  const ca = new Set((['bundled', 'system', 'extra'] as const).flatMap((store) => tls.getCACertificates(store)));
  if (extraCa !== null) ca.add(extraCa);
  return tls.createSecureContext({ ca: [...ca], minVersion: 'TLSv1.2' });
}
