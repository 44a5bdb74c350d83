import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AppError } from '../platform/errors/app-error.js';
import { answerFor, type RequestLog, type SampleBody, sendAnswer, sendPlain } from './sample-answer.js';
import type { SampleFile } from './sample-file.js';
import type { Publication, SampleTree } from './sample-tree.js';
import { sampleUnits } from './sample-units.js';

export interface SampleListenOptions {
  /** 0 (default) = any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** PEM. Present: HTTPS. */
  tls?: { cert: string | Buffer; key: string | Buffer };
}

export interface SampleUpstreamOptions extends SampleListenOptions {
  tree: SampleTree;
  /** Default `/activeupdate`. */
  basePath?: string;
  /** Every so many seconds another component gets a new version; absent or 0: never. */
  publishEverySeconds?: number;
  onPublish?: (publications: Publication[]) => void;
}

export interface SampleUpstream {
  /** Base URL, `http://127.0.0.1:49152/activeupdate`: what goes into `HAISHIN_UPSTREAM_URL`. */
  url: string;
  tree: SampleTree;
  publish(components?: readonly string[]): Publication[];
  /** Newest last; bounded to the last 10,000. */
  requests: RequestLog[];
  close(): Promise<void>;
}

const logLimit = 10_000;

/**
 * Serves a sample tree as the vendor's server would: GET and HEAD, conditional requests, ranges, any letter case, 404 for
 * `ini_xml.zip`.
 * @throws AppError `port-in-use`
 */
export async function startSampleUpstream(options: SampleUpstreamOptions): Promise<SampleUpstream> {
  const { tree, basePath = '/activeupdate', publishEverySeconds = 0, onPublish } = options;
  const requests: RequestLog[] = [];
  const listener = await listen(options, (request, response) => {
    const log = recordRequest(requests, request);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendPlain(response, log, 405, { Allow: 'GET, HEAD' });
    const file = fileAt(tree, basePath, request.url ?? '/');
    if (!file) return sendPlain(response, log, 404);
    sendAnswer(response, log, answerFor(request, bodyOf(file)));
  });

  const publish = (components?: readonly string[]): Publication[] => {
    const publications = tree.publish(components);
    onPublish?.(publications);
    return publications;
  };
  let turn = 0;
  const timer =
    publishEverySeconds > 0
      ? setInterval(() => publish([sampleUnits[turn++ % sampleUnits.length]!.id]), publishEverySeconds * 1000)
      : undefined;
  return {
    url: listener.origin + basePath,
    tree,
    publish,
    requests,
    close: async () => {
      clearInterval(timer);
      await stopListening(listener.server);
    },
  };
}

/** Starts an HTTP or HTTPS listener; resolves when it accepts connections. */
export async function listen(
  { port = 0, host = '127.0.0.1', tls }: SampleListenOptions,
  handler: RequestListener,
): Promise<{ server: Server; origin: string; port: number }> {
  const server = tls ? createHttpsServer(tls, handler) : createHttpServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EADDRINUSE') throw thrown;
    throw new AppError('conflict', 'port-in-use.sample', {
      details: { host, port },
      cause: thrown,
    });
  });
  const bound = (server.address() as AddressInfo).port;
  const urlHost = host.includes(':') ? `[${host}]` : host;
  return { server, port: bound, origin: `${tls ? 'https' : 'http'}://${urlHost}:${bound}` };
}

/** Closes the listener and every connection, hanging ones included. */
export async function stopListening(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

export function recordRequest(requests: RequestLog[], request: IncomingMessage): RequestLog {
  const { range, 'if-none-match': ifNoneMatch, 'user-agent': userAgent } = request.headers;
  const log: RequestLog = { method: request.method ?? '', path: request.url ?? '/', status: 0 };
  if (range !== undefined) log.range = range;
  if (ifNoneMatch !== undefined) log.ifNoneMatch = ifNoneMatch;
  if (userAgent !== undefined) log.userAgent = userAgent;
  requests.push(log);
  if (requests.length > logLimit) requests.shift();
  return log;
}

/** The file that a request's URL means, if it is below the base path and published. */
export function fileAt(tree: SampleTree, basePath: string, url: string): SampleFile | undefined {
  const raw = url.split('?', 1)[0] ?? '';
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  const prefix = basePath.replace(/\/$/, '') + '/';
  return path.toLowerCase().startsWith(prefix.toLowerCase()) ? tree.find(path.slice(prefix.length)) : undefined;
}

export function bodyOf(file: SampleFile): SampleBody {
  const contentType = file.path.endsWith('.ini')
    ? 'text/plain'
    : file.path.endsWith('.zip')
      ? 'application/zip'
      : 'application/octet-stream';
  return { content: file.content(), etag: file.etag, lastModified: file.lastModified, contentType };
}
