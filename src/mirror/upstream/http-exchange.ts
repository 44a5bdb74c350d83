import type { Dispatcher } from 'undici';
import type { AppError } from '../../platform/errors/app-error.js';
import { type KeyUnder, reason } from '../../platform/texts/texts.js';
import { proxyStatusFault } from './http-faults.js';
import { fault } from './faults.js';
import { HttpAnswer, type Headers } from './http-answer.js';
import { parseRetryAfter } from './retry-after.js';
import type { Validators } from './source.js';
import { displayUrl } from './upstream-path.js';

/** Both are of whole seconds, and of one clock. */
const YOUNG_MS = 2000;

export interface Answer {
  status: number;
  headers: Headers;
  body: HttpAnswer;
  /** Where it came from after redirects. */
  url: URL;
}

export interface ExchangeOptions {
  dispatcher: Dispatcher;
  headers: Record<string, string>;
  signal: AbortSignal;
  headersMs: number;
  maxRedirects: number;
  /** `host` or `host:port` that redirects may lead to, besides the one asked. */
  allowRedirectHosts: readonly string[];
}

/** One GET with the redirects that are allowed; the body is not read. Throws `upstream-redirect-refused` and what undici throws. */
export async function exchange(start: URL, options: ExchangeOptions): Promise<Answer> {
  let url = start;
  for (let hops = 0; ; hops += 1) {
    const body = new HttpAnswer(options.signal);
    options.dispatcher.dispatch(
      {
        method: 'GET',
        origin: url.origin,
        path: url.pathname + url.search,
        headers: options.headers,
        headersTimeout: options.headersMs,
        bodyTimeout: 0,
      },
      body,
    );
    const { status, headers } = await body.head;
    const location = header(headers, 'location');
    if (!isRedirect(status) || location === undefined) return { status, headers, body, url };
    body.drop();
    if (hops >= options.maxRedirects) throw refusedRedirect(url, location, 'too-many', { limit: options.maxRedirects });
    url = redirectTarget(url, start, location, options.allowRedirectHosts);
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function redirectTarget(from: URL, start: URL, location: string, allowed: readonly string[]): URL {
  if (!URL.canParse(location, from.href)) throw refusedRedirect(from, location, 'no-address');
  const target = new URL(location, from);
  target.username = '';
  target.password = '';
  if (target.protocol !== 'http:' && target.protocol !== 'https:') throw refusedRedirect(from, location, 'no-http');
  if (from.protocol === 'https:' && target.protocol === 'http:') throw refusedRedirect(from, location, 'to-http');
  if (!isSameHost(start, target) && !isAllowed(target, allowed)) throw refusedRedirect(from, location, 'other-host');
  return target;
}

/** Same name and port; the step from port 80 to HTTPS on 443 stays on the host too. */
function isSameHost(start: URL, target: URL): boolean {
  if (start.hostname !== target.hostname) return false;
  return start.port === target.port;
}

/** Names of hosts have no case; the usual port may be written out. */
function isAllowed({ hostname, port, protocol }: URL, allowed: readonly string[]): boolean {
  const names = [hostname, `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`];
  return allowed.some((each) => names.includes(each.toLowerCase()));
}

function refusedRedirect(
  from: URL,
  location: string,
  why: KeyUnder<'reason.redirect.'>,
  values?: Record<string, unknown>,
): AppError {
  const target = URL.canParse(location, from.href) ? displayUrl(new URL(location, from)) : location;
  return fault(
    'upstream-redirect-refused',
    {
      url: displayUrl(from),
      location: target.slice(0, 500),
    },
    { values: { why: reason(`redirect.${why}`, values) } },
  );
}

/** The fault of an answer that is not what was asked for. */
export function statusFault(answer: Answer, proxy: string | null, now: Date): AppError {
  const { status, headers } = answer;
  const details = { url: displayUrl(answer.url), status };
  if (proxy !== null && (status === 407 || isOfProxy(headers))) return proxyStatusFault(status, details.url, proxy);
  if (status === 404 || status === 410) return fault('upstream-not-found', details);
  if (status === 401 || status === 403) return fault('upstream-refused', details);
  const retryAfterSeconds = parseRetryAfter(header(headers, 'retry-after'), now);
  if (retryAfterSeconds !== null && (status === 429 || status === 503))
    return fault('upstream-busy', {
      ...details,
      retryAfterSeconds,
    });
  return fault('upstream-http-status', details);
}

/** Squid and tinyproxy sign the errors that are their own; answers of the upstream keep its signature. */
function isOfProxy(headers: Headers): boolean {
  return headers['x-squid-error'] !== undefined || /^(squid|tinyproxy)\b/i.test(header(headers, 'server') ?? '');
}

export function header(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function validatorsOf(headers: Headers): Validators {
  const etag = header(headers, 'etag');
  const lastModified = header(headers, 'last-modified');
  const age = lastModified === undefined ? null : ageOf(lastModified, headers);
  // Without a Date only an ETag tells anything.
  const unsettled = age === null ? etag === undefined : age < YOUNG_MS;
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(unsettled ? { unsettled } : {}),
  };
}

/** Milliseconds from a Last-Modified to the Date of the answer; null when one of them is no date. */
export function ageOf(lastModified: string, headers: Headers): number | null {
  const age = Date.parse(header(headers, 'date') ?? '') - Date.parse(lastModified);
  return Number.isNaN(age) ? null : age;
}

/** Content-Length as a number of bytes; null when absent or malformed. */
export function contentLength(headers: Headers): number | null {
  const text = header(headers, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
