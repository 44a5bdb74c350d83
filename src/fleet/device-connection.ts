import { createHash } from 'node:crypto';
import { Client, type Dispatcher } from 'undici';

/** The server answered, but not with what was asked for. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly retryAfterSeconds: number | null,
    what: string,
  ) {
    super(`${what}: ${status}`);
  }
}

export interface DeviceConnectionOptions {
  baseUrl: string;
  controllerId: string;
  gatewayToken: string;
  /** Certificates that are trusted besides the system's, PEM. */
  ca?: string | undefined;
  /** Tells machines with one identity apart. */
  userAgent: string;
}

const HELD_GRACE_MS = 30_000;
const ANSWER_MS = 60_000;
const TOKEN_HEADER = 'x-haishin-target-token';

/** One product's connection to the server, as a real product has it: its own socket, nothing shared with others. */
export class DeviceConnection {
  readonly base: string;
  private readonly client: Client;
  private readonly origin: string;
  private authorization: string;

  constructor(private readonly options: DeviceConnectionOptions) {
    const { baseUrl, controllerId, gatewayToken, ca } = options;
    this.origin = new URL(baseUrl).origin;
    this.base = `/DEFAULT/controller/v1/${encodeURIComponent(controllerId)}`;
    this.authorization = `GatewayToken ${gatewayToken}`;
    this.client = new Client(this.origin, {
      pipelining: 1,
      keepAliveTimeout: 120_000,
      bodyTimeout: ANSWER_MS,
      ...(ca === undefined ? {} : { connect: { ca } }),
    });
  }

  /** Null: nothing new since `etag`. */
  async poll(
    waitSeconds: number,
    etag: string | null,
    signal: AbortSignal,
  ): Promise<{ body: unknown; etag: string | null } | null> {
    const headers: Record<string, string> = {};
    if (waitSeconds > 0) headers['prefer'] = `wait=${waitSeconds}`;
    if (etag !== null) headers['if-none-match'] = etag;
    const answer = await this.send({
      method: 'GET',
      path: this.base,
      headers,
      signal,
      headersTimeout: waitSeconds * 1000 + HELD_GRACE_MS,
    });
    const token = answer.headers[TOKEN_HEADER];
    if (typeof token === 'string') this.authorization = `TargetToken ${token}`;
    if (answer.statusCode === 304) {
      await answer.body.dump();
      return null;
    }
    if (answer.statusCode !== 200) throw await refused(answer, 'poll');
    const given = answer.headers['etag'];
    return { body: await answer.body.json(), etag: typeof given === 'string' ? given : null };
  }

  async get(href: string, signal: AbortSignal): Promise<unknown> {
    const answer = await this.send({ method: 'GET', path: this.pathOf(href), signal, headersTimeout: ANSWER_MS });
    if (answer.statusCode !== 200) throw await refused(answer, 'get');
    return answer.body.json();
  }

  /** Answers the status; 404 and 410 say that the action has ended. */
  async write(method: 'POST' | 'PUT', href: string, body: unknown, signal: AbortSignal): Promise<number> {
    const answer = await this.send({
      method,
      path: this.pathOf(href),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
      headersTimeout: ANSWER_MS,
    });
    if (answer.statusCode >= 400 && ![404, 409, 410].includes(answer.statusCode)) throw await refused(answer, 'write');
    await answer.body.dump();
    return answer.statusCode;
  }

  /** Reads a file and forgets it; what it was is told by size and SHA-256. */
  async digest(href: string, signal: AbortSignal): Promise<{ size: number; sha256: string }> {
    const answer = await this.send({ method: 'GET', path: this.pathOf(href), signal, headersTimeout: ANSWER_MS });
    if (answer.statusCode !== 200) throw await refused(answer, 'download');
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
    }
    return { size, sha256: hash.digest('hex') };
  }

  async close(): Promise<void> {
    await this.client.destroy();
  }

  private send(options: Omit<Dispatcher.RequestOptions, 'origin'>): Promise<Dispatcher.ResponseData> {
    const headers = {
      accept: 'application/hal+json',
      'user-agent': this.options.userAgent,
      ...(options.headers as Record<string, string> | undefined),
      authorization: this.authorization,
    };
    return this.client.request({ ...options, headers });
  }

  /** The token goes to the configured server only: a link to another one is not followed. */
  private pathOf(href: string): string {
    const url = new URL(href, this.origin);
    if (url.host !== new URL(this.origin).host) throw new RefusedError(0, null, `a link to another host, ${url.host}`);
    return `${url.pathname}${url.search}`;
  }
}

async function refused(answer: Dispatcher.ResponseData, what: string): Promise<RefusedError> {
  await answer.body.dump();
  const after = Number(answer.headers['retry-after']);
  return new RefusedError(answer.statusCode, Number.isFinite(after) ? after : null, what);
}
