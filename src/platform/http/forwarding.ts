import type { PeerCertificate, TLSSocket } from 'node:tls';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { AppError } from '../errors/app-error.js';
import { passHalfClose } from './half-closed.js';
import type { RequestHandler } from './listeners.js';
import { answerProblem } from './raw-problem.js';

/** Headers that belong to one connection (RFC 9110 §7.6.1), and one that the listener has answered already. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);
/**
 * Stay whatever `Connection` names. Without its length the body of a request would be read as the next request on the connection,
 * with headers that are believed there.
 */
const NEVER_OF_ONE_CONNECTION = new Set(['content-length', 'host', 'authorization']);
/** CN of a verified client certificate, percent-encoded; ours alone, and believed over the unix socket only. */
export const FORWARDED_CLIENT_CN = 'x-haishin-client-cn';

export interface Forwarder {
  readonly handler: RequestHandler;
  close(): void;
}

/**
 * Hands requests on to another process over a unix socket, bodies streamed both ways. The address, scheme and host of the
 * client are appended to `X-Forwarded-For`, `-Proto` and `-Host`: the last value of each is ours and may be believed by a
 * receiver that listens on nothing but that socket.
 * @param isProxy whose word on scheme and host is taken for the client's
 */
export function createForwarder(socketPath: string, isProxy: (address: string) => boolean = () => false): Forwarder {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 });
  return {
    handler: (req, res) => forward(req, res, { socketPath, agent }, isProxy),
    close: () => agent.destroy(),
  };
}

function forward(
  req: IncomingMessage,
  res: ServerResponse,
  way: { socketPath: string; agent: Agent },
  isProxy: (address: string) => boolean,
): void {
  const outgoing = request({
    ...way,
    method: req.method,
    path: req.url,
    headers: requestHeaders(req, isProxy),
    setDefaultHeaders: false,
  });
  outgoing.on('response', (incoming) => {
    res.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.rawHeaders));
    // Event streams and held polls must not wait for the first byte of a body.
    res.flushHeaders();
    incoming.on('error', () => res.destroy());
    incoming.pipe(res);
  });
  outgoing.on('error', () => {
    if (res.headersSent) res.destroy();
    else if (!res.destroyed) answerProblem(req, res, new AppError('unavailable', 'api-unavailable'));
  });
  res.on('close', () => {
    if (!res.writableFinished) outgoing.destroy();
  });
  passHalfClose(req.socket, outgoing);
  req.pipe(outgoing);
}

/** CN of the client certificate of this connection; null without one that a configured authority issued. */
export function clientCommonName(req: IncomingMessage): string | null {
  const socket = req.socket as Partial<TLSSocket>;
  if (socket.authorized !== true || socket.getPeerCertificate === undefined) return null;
  // Null or empty when a resumed session never had a certificate, although such a socket counts as authorised.
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null;
  const name: unknown = certificate?.subject?.CN;
  // Several names are no name: which one would it be?
  return typeof name === 'string' && name !== '' ? name : null;
}

function requestHeaders(req: IncomingMessage, isProxy: (address: string) => boolean): string[] {
  const headers = endToEnd(req.rawHeaders, (name) => name.startsWith('x-forwarded-') || name === FORWARDED_CLIENT_CN);
  // A body without a length keeps its framing; the parser has taken the original one off.
  if (req.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked');
  // HTTP/1.0 clients may leave Host out; the request to the next process is of version 1.1.
  if (req.headers.host === undefined) headers.push('Host', 'localhost');
  const scheme = 'encrypted' in req.socket && req.socket.encrypted ? 'https' : 'http';
  const peer = req.socket.remoteAddress ?? 'unknown';
  const [proto, host] = [req.headers['x-forwarded-proto'], req.headers['x-forwarded-host']];
  // A proxy's own scheme and host are not what its client used.
  const told = isProxy(peer);
  appendList(headers, 'X-Forwarded-For', req.headers['x-forwarded-for'], peer);
  appendList(headers, 'X-Forwarded-Proto', proto, told && proto ? null : scheme);
  appendList(headers, 'X-Forwarded-Host', host, told && host ? null : (req.headers.host ?? 'localhost'));
  const commonName = clientCommonName(req);
  if (commonName !== null) headers.push(FORWARDED_CLIENT_CN, encodeURIComponent(commonName));
  headers.push('Connection', 'keep-alive');
  return headers;
}

/** `value` null: the last one before is the last one. */
function appendList(
  headers: string[],
  name: string,
  before: string | string[] | undefined,
  value: string | null,
): void {
  headers.push(name, [before, value].flat().filter(Boolean).join(', '));
}

/** The flat header list without what must not travel further. */
function endToEnd(rawHeaders: readonly string[], drop: (lowerName: string) => boolean = () => false): string[] {
  const named = new Set<string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === 'connection')
      for (const option of (rawHeaders[i + 1] ?? '').split(',')) named.add(option.trim().toLowerCase());
  for (const name of NEVER_OF_ONE_CONNECTION) named.delete(name);
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && !drop(lower)) headers.push(name, rawHeaders[i + 1] ?? '');
  }
  return headers;
}
