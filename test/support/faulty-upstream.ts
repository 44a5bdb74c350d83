import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  answerFor,
  type RequestLog,
  type SampleAnswer,
  type SampleBody,
  sendAnswer,
  sendPlain,
} from '../../src/sample-upstream/sample-answer.js';
import {
  bodyOf,
  fileAt,
  listen,
  recordRequest,
  type SampleListenOptions,
  stopListening,
} from '../../src/sample-upstream/sample-server.js';
import type { SampleTree } from '../../src/sample-upstream/sample-tree.js';

/** One thing that goes wrong with a request. Byte counts are of the body. */
export type Fault =
  /** The connection is cut before any answer. To refuse connections altogether: `refuseConnections()`. */
  | { kind: 'reset' }
  | { kind: 'hang-before-headers' }
  | { kind: 'hang-mid-body'; afterBytes: number }
  | { kind: 'drip'; bytesPerSecond: number }
  /** Right headers but no length, and a body that goes on until the client leaves. */
  | { kind: 'endless' }
  /** Content-Length is off by `deltaBytes`; the body is right. */
  | { kind: 'wrong-length'; deltaBytes: number }
  /** The connection is cut in mid-body. */
  | { kind: 'truncated'; afterBytes: number }
  /** Shorter or longer than the manifest says, and consistently so. */
  | { kind: 'resized'; deltaBytes: number }
  /** Right size, wrong bytes. */
  | { kind: 'corrupted' }
  | { kind: 'html-page' }
  /** `to` gets the path as requested appended, unless it is a function. */
  | { kind: 'redirect'; to: string | ((path: string) => string); status?: 301 | 302 | 303 | 307 | 308 }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Another body in place of the right one, with validators that follow from it. */
  | { kind: 'transform'; transform: (content: Buffer) => Buffer }
  /** A body made while it is sent, without Content-Length. */
  | { kind: 'stream'; chunks: (content: Buffer) => Iterable<Buffer> }
  /** The same ETag whatever the content. */
  | { kind: 'lying-etag'; etag: string }
  /** Something happens just before the (otherwise right) answer, e.g. `() => tree.publish(['virus-pattern'])`. */
  | { kind: 'before-answer'; run: () => void };

export interface FaultScript {
  /** The first matching request that is hit, from 1. */
  from?: number;
  /** How many are hit; default: all from there on. */
  times?: number;
}

interface Rule extends Required<FaultScript> {
  pattern: RegExp;
  fault: Fault;
  matched: number;
}

export interface FaultyUpstreamOptions extends SampleListenOptions {
  tree: SampleTree;
  basePath?: string;
}

/** A sample upstream that misbehaves as told, per path, through real sockets. */
export class FaultyUpstream {
  readonly requests: RequestLog[] = [];
  private rules: Rule[] = [];
  private server: Server | undefined;
  private port = 0;
  private origin = '';
  private readonly arrivals = new EventEmitter();
  private readonly pendingWork = new Set<() => void>();

  private constructor(private readonly options: FaultyUpstreamOptions) {}

  static async start(options: FaultyUpstreamOptions): Promise<FaultyUpstream> {
    const upstream = new FaultyUpstream(options);
    upstream.port = options.port ?? 0;
    await upstream.acceptConnections();
    return upstream;
  }

  get tree(): SampleTree {
    return this.options.tree;
  }

  /** Base URL; stays the same while connections are refused. */
  get url(): string {
    return this.origin + this.basePath;
  }

  /** Paths requested so far that match, newest last. */
  requested(pattern: RegExp): RequestLog[] {
    return this.requests.filter(({ path }) => pattern.test(path));
  }

  /** The first request that matches, from now or earlier, as soon as it has arrived; its answer may not have begun. */
  async whenRequested(pattern: RegExp): Promise<RequestLog> {
    for (;;) {
      const [arrived] = this.requested(pattern);
      if (arrived) return arrived;
      await once(this.arrivals, 'request');
    }
  }

  /** Lets requests whose URL path matches go wrong. The fault set last wins; the same pattern again replaces the first. */
  set(pattern: RegExp, fault: Fault, { from = 1, times = Number.POSITIVE_INFINITY }: FaultScript = {}): void {
    this.rules = this.rules.filter((rule) => String(rule.pattern) !== String(pattern));
    this.rules.unshift({ pattern, fault, from, times, matched: 0 });
  }

  /** All faults off; requests that hang are cut off. */
  clear(): void {
    this.rules = [];
    for (const stop of [...this.pendingWork]) stop();
  }

  /** Closes the listener and all connections: further ones are refused. */
  async refuseConnections(): Promise<void> {
    if (!this.server) return;
    const server = this.server;
    this.server = undefined;
    await stopListening(server);
  }

  /** Listens again, on the same port. */
  async acceptConnections(): Promise<void> {
    if (this.server) return;
    const listener = await listen({ ...this.options, port: this.port }, (request, response) =>
      this.answer(request, response),
    );
    this.server = listener.server;
    this.port = listener.port;
    this.origin = listener.origin;
  }

  async close(): Promise<void> {
    this.clear();
    await this.refuseConnections();
  }

  private get basePath(): string {
    return this.options.basePath ?? '/activeupdate';
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const log = recordRequest(this.requests, request);
    this.arrivals.emit('request');
    const fault = this.faultFor(log.path);
    if (fault?.kind === 'before-answer') fault.run();
    const file = fileAt(this.tree, this.basePath, log.path);
    // Faults that need no file hit paths that do not exist as well: a redirect or 503 for anything.
    if (!file && (!fault || needsFile(fault))) return sendPlain(response, log, 404);
    const body = file ? bodyOf(file) : emptyBody;
    if (fault) this.misbehave(fault, request, response, log, body);
    else sendAnswer(response, log, answerFor(request, body));
  }

  private faultFor(path: string): Fault | undefined {
    for (const rule of this.rules) {
      if (!rule.pattern.test(path)) continue;
      rule.matched++;
      if (rule.matched >= rule.from && rule.matched < rule.from + rule.times) return rule.fault;
    }
    return undefined;
  }

  private misbehave(
    fault: Fault,
    request: IncomingMessage,
    response: ServerResponse,
    log: RequestLog,
    body: SampleBody,
  ): void {
    const right = answerFor(request, body);
    const start = (answer: SampleAnswer): void => {
      log.status = answer.status;
      response.writeHead(answer.status, answer.headers);
    };
    switch (fault.kind) {
      case 'reset':
        request.socket.destroy();
        return;
      case 'hang-before-headers':
        this.untilGone(response, () => response.destroy());
        return;
      case 'hang-mid-body':
        start(right);
        response.flushHeaders();
        response.write(right.bytes.subarray(0, fault.afterBytes));
        this.untilGone(response, () => response.destroy());
        return;
      case 'drip':
        start(right);
        this.drip(response, right.bytes, fault.bytesPerSecond);
        return;
      case 'endless':
        start({ ...right, headers: withoutLength(right.headers) });
        this.pour(response, endlessly(right.bytes));
        return;
      case 'wrong-length':
        response.shouldKeepAlive = false;
        start({ ...right, headers: { ...right.headers, 'Content-Length': right.bytes.length + fault.deltaBytes } });
        response.end(right.bytes);
        return;
      case 'truncated':
        start(right);
        response.flushHeaders();
        response.write(right.bytes.subarray(0, fault.afterBytes), () => response.destroy());
        return;
      case 'resized':
        sendAnswer(response, log, answerFor(request, { ...body, content: resized(body.content, fault.deltaBytes) }));
        return;
      case 'corrupted':
        sendAnswer(response, log, answerFor(request, { ...body, content: corrupted(body.content) }));
        return;
      case 'html-page':
        sendAnswer(response, log, htmlPage);
        return;
      case 'redirect': {
        const location = typeof fault.to === 'function' ? fault.to(log.path) : fault.to + log.path;
        sendPlain(response, log, fault.status ?? 302, { Location: location });
        return;
      }
      case 'status':
        sendPlain(response, log, fault.status, fault.headers);
        return;
      case 'transform':
        sendAnswer(response, log, answerFor(request, transformed(body, fault.transform)));
        return;
      case 'stream':
        start({ status: 200, headers: { 'Content-Type': body.contentType }, bytes: Buffer.alloc(0) });
        this.pour(response, fault.chunks(body.content)[Symbol.iterator]());
        return;
      case 'lying-etag':
        sendAnswer(response, log, answerFor(request, { ...body, etag: fault.etag }));
        return;
      case 'before-answer':
        sendAnswer(response, log, right);
        return;
    }
  }

  /** Keeps a stop function until the response is over, so that `clear` and `close` leave nothing running. */
  private untilGone(response: ServerResponse, stop: () => void): void {
    this.pendingWork.add(stop);
    response.once('close', () => this.pendingWork.delete(stop));
  }

  private drip(response: ServerResponse, bytes: Buffer, bytesPerSecond: number): void {
    response.flushHeaders();
    // Ten portions a second at most, one byte at least.
    const portion = Math.max(1, Math.floor(bytesPerSecond / 10));
    let at = 0;
    const timer = setInterval(
      () => {
        response.write(bytes.subarray(at, at + portion));
        at += portion;
        if (at >= bytes.length) {
          clearInterval(timer);
          response.end();
        }
      },
      (portion * 1000) / bytesPerSecond,
    );
    response.once('close', () => clearInterval(timer));
    this.untilGone(response, () => response.destroy());
  }

  /** Sends as fast as the client reads, and no faster: memory stays flat. */
  private pour(response: ServerResponse, chunks: Iterator<Buffer>): void {
    const more = (): void => {
      while (!response.destroyed) {
        const { done, value } = chunks.next();
        if (done) {
          response.end();
          return;
        }
        if (!response.write(value)) {
          response.once('drain', more);
          return;
        }
      }
    };
    this.untilGone(response, () => response.destroy());
    more();
  }
}

const emptyBody: SampleBody = {
  content: Buffer.alloc(0),
  etag: '"none"',
  lastModified: new Date(0),
  contentType: 'text/plain',
};

const page = Buffer.from('<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>\n');
const htmlPage: SampleAnswer = {
  status: 200,
  headers: { 'Content-Type': 'text/html', 'Content-Length': page.length },
  bytes: page,
};

function needsFile({ kind }: Fault): boolean {
  return !['reset', 'hang-before-headers', 'html-page', 'redirect', 'status', 'stream'].includes(kind);
}

function withoutLength(headers: SampleAnswer['headers']): SampleAnswer['headers'] {
  const { 'Content-Length': _length, ...rest } = headers;
  return rest;
}

function* endlessly(bytes: Buffer): Generator<Buffer, never> {
  yield bytes;
  const chunk = Buffer.alloc(65_536, 0x2e);
  for (;;) yield chunk;
}

function resized(content: Buffer, deltaBytes: number): Buffer {
  if (deltaBytes < 0) return content.subarray(0, Math.max(0, content.length + deltaBytes));
  return Buffer.concat([content, Buffer.alloc(deltaBytes)]);
}

/** Flips bits in the middle, where a ZIP has its member's data. */
function corrupted(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const middle = Math.floor(copy.length / 2);
  for (let i = middle; i < Math.min(middle + 8, copy.length); i++) copy[i]! ^= 0xff;
  return copy;
}

function transformed(body: SampleBody, transform: (content: Buffer) => Buffer): SampleBody {
  const content = transform(body.content);
  return { ...body, content, etag: `"${createHash('sha256').update(content).digest('hex').slice(0, 32)}"` };
}
