import type { Dispatcher } from 'undici';
import { isRecord } from '../config/agent-config.js';
import { AgentError, ERROR_NUMBER } from '../errors/agent-error.js';
import { type Credentials, TARGET_TOKEN_HEADER } from './credentials.js';
import { type ControllerBase, type FeedbackBody, parseRetryAfter, parseSleep } from './ddi-messages.js';
import { INSTANCE_HEADER } from './instance.js';
import { type HttpAccess, type HttpRequest, connectionError, readBounded } from './http-access.js';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const LONG_POLL_GRACE_MS = 30_000;

export type LinkName = 'deploymentBase' | 'cancelAction' | 'confirmationBase' | 'configData' | 'command';

export interface PollAnswer {
  /** Links by name, absolute; empty when there is nothing to do. */
  readonly links: Partial<Record<LinkName, string>>;
  /** How long the server wants the agent to stay away, in seconds. */
  readonly sleepSeconds: number | null;
  /** The server held the request. */
  readonly held: boolean;
  readonly etag: string | null;
  readonly unchanged: boolean;
}

/** The server refuses or is busy; `retryAfterSeconds` when it said for how long. */
export class ServerAnswerError extends AgentError {
  readonly status: number;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, url: string, retryAfterSeconds: number | null) {
    const number = status === 404 ? ERROR_NUMBER.notFound : ERROR_NUMBER.general;
    const code = status === 401 || status === 403 ? 'server-refused' : 'server-http-status';
    super('server', code, `the server answered ${status} to ${new URL(url).pathname}`, number);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The device side of hawkBit DDI v1 with our additions: long poll, command, events. */
export class DdiClient {
  readonly #http: HttpAccess;
  readonly #credentials: Credentials;
  readonly #server: URL;
  readonly #base: string;

  constructor(http: HttpAccess, credentials: Credentials, server: string, tenant: string, controllerId: string) {
    this.#http = http;
    this.#credentials = credentials;
    this.#server = new URL(server);
    this.#base = `${server}/${encodeURIComponent(tenant)}/controller/v1/${encodeURIComponent(controllerId)}`;
  }

  /** Asks what there is to do. `waitSeconds` > 0 lets the server hold the request. */
  async poll(options: {
    waitSeconds: number;
    etag: string | null;
    signal?: AbortSignal | undefined;
  }): Promise<PollAnswer> {
    const headers: Record<string, string> = { accept: 'application/hal+json' };
    if (options.waitSeconds > 0) headers['prefer'] = `wait=${Math.ceil(options.waitSeconds)}`;
    if (options.etag !== null) headers['if-none-match'] = options.etag;
    const headersTimeoutMs = options.waitSeconds * 1000 + LONG_POLL_GRACE_MS;
    const answer = await this.#call(this.#base, { headers, signal: options.signal, headersTimeoutMs }, [200, 304]);
    const token = header(answer, TARGET_TOKEN_HEADER);
    if (token !== null) await this.#credentials.accept(token);
    const etag = header(answer, 'etag') ?? options.etag;
    const held = (header(answer, 'preference-applied') ?? '').includes('wait');
    if (answer.statusCode === 304) {
      await answer.body.dump();
      return { links: {}, sleepSeconds: null, held, etag, unchanged: true };
    }
    const body = (await this.#json(answer, this.#base)) as ControllerBase;
    const sleepSeconds = parseSleep(body.config?.polling?.sleep);
    return { links: this.#links(body._links), sleepSeconds, held, etag, unchanged: false };
  }

  async get(href: string, signal?: AbortSignal): Promise<unknown> {
    const answer = await this.#call(href, { headers: { accept: 'application/hal+json' }, signal }, [200]);
    return this.#json(answer, href);
  }

  /** `gone`: the action is no longer active, or nobody knows it. */
  async feedback(href: string, body: FeedbackBody | ConfirmationBody, signal?: AbortSignal): Promise<'taken' | 'gone'> {
    const answer = await this.#send('POST', href, body, signal, [200, 201, 202, 204, 404, 409, 410]);
    return answer >= 400 ? 'gone' : 'taken';
  }

  async putConfigData(
    mode: 'merge' | 'replace',
    data: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#send('PUT', `${this.#base}/configData`, { mode, data }, signal, [200, 201, 204]);
  }

  /** False when the server does not know this addition of ours. */
  async postEvents(events: readonly unknown[], signal?: AbortSignal): Promise<boolean> {
    const status = await this.#send('POST', `${this.#base}/events`, { events }, signal, [200, 201, 202, 204, 404, 405]);
    return status < 400;
  }

  /** Where feedback for a link goes: the link without its query, plus `/feedback`. */
  feedbackHref(href: string): string {
    const url = new URL(href);
    return `${url.origin}${url.pathname.replace(/\/$/, '')}/feedback`;
  }

  /** Who asks. That is for the configured server only, and never travels in the clear when that server speaks HTTPS. */
  authorisationFor(url: string): Record<string, string> {
    const target = new URL(url);
    const sameHost = target.hostname === this.#server.hostname;
    const downgraded = this.#server.protocol === 'https:' && target.protocol !== 'https:';
    const value = this.#credentials.header();
    if (!sameHost || downgraded) return {};
    return { ...INSTANCE_HEADER, ...(value === null ? {} : { authorization: value }) };
  }

  get usesHttps(): boolean {
    return this.#server.protocol === 'https:';
  }

  async #send(
    method: 'POST' | 'PUT',
    href: string,
    body: unknown,
    signal: AbortSignal | undefined,
    accepted: readonly number[],
  ): Promise<number> {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const answer = await this.#call(href, { method, headers, body: JSON.stringify(body), signal }, accepted);
    await answer.body.dump();
    return answer.statusCode;
  }

  async #call(url: string, options: HttpRequest, accepted: readonly number[]): Promise<Dispatcher.ResponseData> {
    for (;;) {
      const headers = { ...options.headers, ...this.authorisationFor(url) };
      const answer = await this.#http.send(url, { ...options, headers });
      if (accepted.includes(answer.statusCode)) return answer;
      await answer.body.dump();
      if (answer.statusCode === 401 && (await this.#credentials.giveUpRefused())) continue;
      throw new ServerAnswerError(
        answer.statusCode,
        url,
        parseRetryAfter(header(answer, 'retry-after') ?? undefined, Date.now()),
      );
    }
  }

  async #json(answer: Dispatcher.ResponseData, url: string): Promise<unknown> {
    let bytes: Buffer;
    try {
      bytes = await readBounded(answer, MAX_ANSWER_BYTES);
    } catch (error) {
      throw connectionError(url, error);
    }
    try {
      const value: unknown = JSON.parse(bytes.toString('utf8'));
      if (isRecord(value)) return value;
    } catch {
      // Not JSON: the same refusal as for the wrong kind of JSON.
    }
    throw new AgentError('server', 'message-malformed', `the answer to ${new URL(url).pathname} is not a JSON object`);
  }

  /** Links may name another host (a public URL that this site cannot resolve): control calls stay with our server. */
  #links(links: ControllerBase['_links']): PollAnswer['links'] {
    const result: Partial<Record<LinkName, string>> = {};
    for (const name of ['deploymentBase', 'cancelAction', 'confirmationBase', 'configData', 'command'] as const) {
      const url = URL.parse(links?.[name]?.href ?? '', this.#base);
      if (links?.[name] === undefined || url === null) continue;
      result[name] = `${this.#server.origin}${url.pathname}${url.search}`;
    }
    return result;
  }
}

export interface ConfirmationBody {
  readonly confirmation: 'confirmed' | 'denied';
  readonly code: number;
  readonly details: readonly string[];
}

function header(answer: Dispatcher.ResponseData, name: string): string | null {
  const value = answer.headers[name];
  return Array.isArray(value) ? (value[0] ?? null) : (value ?? null);
}
