import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/platform/errors/app-error.js';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { HttpSource, type HttpSourceOptions } from '../../src/mirror/upstream/http-source.js';
import type { BlobRequest } from '../../src/mirror/upstream/source.js';
import type { TransferLimits } from '../../src/mirror/upstream/transfer-limits.js';

export interface UpstreamServer {
  origin: string;
  port: number;
  requests: IncomingMessage[];
  close: () => Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real server on a free port of the loopback interface; `close` cuts what is still open. */
async function serve(handler: Handler, tls?: ServerOptions): Promise<UpstreamServer> {
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    handler(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const { port, close } = await listen(server);
  return { origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, requests, close };
}

export async function listen(server: Server): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Short enough for tests, with the proportions of the real ones. */
const SHORT: Partial<TransferLimits> = {
  connectMs: 400,
  headersMs: 300,
  idleMs: 300,
  slowWindowMs: 400,
  noProgressMs: 2000,
  backoffMs: 5,
};

/** A file of so many bytes, and what is asked for when it is fetched. */
export function randomFile(size: number): {
  content: Buffer;
  sha256: string;
  request: { size: number; maxBytes: number };
} {
  const content = randomBytes(size);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { content, sha256, request: { size, maxBytes: 10_000 } };
}

/** A store in a fresh directory, sources on it, and servers; all gone after `close`. */
export class Bench {
  private constructor(
    readonly directory: string,
    readonly store: BlobStore,
  ) {}
  private readonly closing: (() => Promise<void>)[] = [];

  static async open(): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-upstream-'));
    const store = new BlobStore(directory);
    await store.open();
    return new Bench(directory, store);
  }

  async serve(handler: Handler, tls?: ServerOptions): Promise<UpstreamServer> {
    const server = await serve(handler, tls);
    this.closing.push(() => server.close());
    return server;
  }

  source(url: string, options: Partial<HttpSourceOptions> = {}): HttpSource {
    const { limits, ...rest } = options;
    const source = new HttpSource({
      url,
      store: this.store,
      userAgent: 'Haishin/0.0-test',
      ...rest,
      limits: { ...SHORT, ...limits },
    });
    this.closing.unshift(() => source.close());
    return source;
  }

  /** The fault of a file from a server that answers like this, and the server. Whatever happened, nothing remains of it. */
  async faultWith(handler: Handler, request: BlobRequest): Promise<{ fault: AppError; server: UpstreamServer }> {
    const server = await this.serve(handler);
    const fault = await faultOf(this.source(server.origin).fetchBlob('pattern/a.bin', request));
    expect(await readdir(join(this.directory, 'incoming'))).toEqual([]);
    expect((await this.store.list().next()).done).toBe(true);
    expect(fault.kind).toBe('upstream');
    expect(fault.message).toMatch(/^The .*\.$/);
    expect(fault.details['url']).toBe(`${server.origin}/pattern/a.bin`);
    return { fault, server };
  }

  onClose(work: () => Promise<void>): void {
    this.closing.unshift(work);
  }

  async close(): Promise<void> {
    for (const close of this.closing) await close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The fault of a promise that must fail. */
export async function faultOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it should have failed');
}
