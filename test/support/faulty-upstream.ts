import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  answerFor,
  type RequestLog,
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
import { type Fault, misbehave, needsFile } from './transfer-fault.js';

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
  /** Responses that go on or hang until they are cut. */
  private readonly unending = new Set<ServerResponse>();

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
    for (const response of [...this.unending]) response.destroy();
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
    if (!file && (!fault || needsFile(fault))) return sendPlain(response, log, 404);
    const body = file ? bodyOf(file) : emptyBody;
    if (fault) misbehave(fault, { request, response, log, body, unending: this.unending });
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
}

const emptyBody: SampleBody = {
  content: Buffer.alloc(0),
  etag: '"none"',
  lastModified: new Date(0),
  contentType: 'text/plain',
};
