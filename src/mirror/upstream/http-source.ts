import { AppError } from '../../platform/errors/app-error.js';
import { allOver } from '../../platform/promises/all-over.js';
import { systemClock, type Clock } from '../../platform/clock/clock.js';
import type { BlobStore } from '../store/blob-store.js';
import type { PartialFile } from '../store/partial-file.js';
import { Bandwidth } from './bandwidth.js';
import { fault } from './faults.js';
import { openConnection, type Connection, type ProxyOptions, type TlsOptions } from './http-dispatcher.js';
import { contentLength, exchange, header, statusFault, validatorsOf, type Answer } from './http-exchange.js';
import { toFault } from './http-faults.js';
import { continuesAt, resumeValidator } from './http-resume.js';
import type { TakeChunk } from './http-answer.js';
import { SourceHealth } from './source-health.js';
import { fetchOptional } from './optional-file.js';
import type {
  BlobRequest,
  FetchedBlob,
  NotModified,
  SmallRequest,
  SmallResult,
  UpstreamSource,
  Validators,
} from './source.js';
import { looksLikeMarkup, sizeExceeded, sizeMismatch } from './content-check.js';
import { DEFAULT_LIMITS, type TransferLimits } from './transfer-limits.js';
import { TransferWatch, type Patience, type SourcePace } from './transfer-watch.js';
import { displayUrl, fileUrl } from './upstream-path.js';

/** What a Haishin puts into its answers. */
const SNAPSHOT_HEADER = 'x-haishin-snapshot';

export interface HttpSourceOptions extends TlsOptions {
  /** Base URL, `http:` or `https:`; paths of the manifest are appended to it. */
  url: string;
  store: BlobStore;
  /** Names us to the upstream. */
  userAgent: string;
  proxy?: ProxyOptions;
  /** Hosts (`host` or `host:port`) that redirects may lead to, besides the one of `url`. */
  allowRedirectHosts?: readonly string[];
  /** Shared by all sources. */
  bandwidth?: Bandwidth;
  limits?: Partial<TransferLimits>;
  clock?: Clock;
}

/** An upstream over HTTP or HTTPS, directly or through a proxy. */
export class HttpSource implements UpstreamSource {
  readonly url: string;
  readonly #base: URL;
  readonly #limits: TransferLimits;
  readonly #connection: Connection;
  readonly #bandwidth: Bandwidth;
  readonly #health: SourceHealth;
  readonly #pace: SourcePace = { receivedBytes: 0 };
  readonly #clock: Clock;

  constructor(private readonly options: HttpSourceOptions) {
    const base = URL.canParse(options.url) ? new URL(options.url) : null;
    if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:'))
      throw new AppError('bad-input', 'upstream-url-invalid');
    this.#base = base;
    this.url = displayUrl(base);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#connection = openConnection(options, options.proxy, this.#limits);
    this.#bandwidth = options.bandwidth ?? new Bandwidth();
    this.#health = new SourceHealth(this.#limits);
    this.#clock = options.clock ?? systemClock;
  }

  async fetchSmall(path: string, request: SmallRequest): Promise<SmallResult> {
    const url = fileUrl(this.#base, path);
    const { component, signal } = request;
    return this.#health.attend({ component, signal, kept: () => 0 }, (patience) =>
      this.#readSmall(url, request, patience),
    );
  }

  fetchOptional(path: string, request: SmallRequest): Promise<FetchedBlob | NotModified | null> {
    return fetchOptional(this, this.options.store, path, request);
  }

  async fetchBlob(path: string, request: BlobRequest): Promise<FetchedBlob> {
    const url = fileUrl(this.#base, path);
    const { size, maxBytes, component, signal } = request;
    if (size !== null && size > maxBytes) throw sizeExceeded(displayUrl(url), maxBytes, size);
    this.#health.check(component);
    const file = await this.options.store.partials.take(displayUrl(url), { size, maxBytes });
    try {
      let validators: Validators = {};
      const kept = (): number => (file.validator === null ? 0 : file.offset);
      await this.#health.attend({ component, signal, kept }, async (patience) => {
        validators = await this.#readInto(url, file, request, patience);
      });
      return { status: 'ok', ...validators, ...(await file.finish()) };
    } catch (error) {
      // What broke off may be continued later; what was wrong must not be.
      await (isWorthContinuing(error) ? file.leave() : file.discard());
      throw error;
    }
  }

  reset(): void {
    this.#health.reset();
  }

  async close(): Promise<void> {
    await this.#connection.dispatcher.destroy();
  }

  async #readSmall(
    url: URL,
    { maxBytes, conditional, signal }: SmallRequest,
    patience: Patience,
  ): Promise<SmallResult> {
    const headers: Record<string, string> = { 'cache-control': 'no-cache' };
    if (conditional?.etag !== undefined) headers['if-none-match'] = conditional.etag;
    if (conditional?.lastModified !== undefined) headers['if-modified-since'] = conditional.lastModified;
    return this.#converse(url, headers, signal, patience, async (answer, watch) => {
      const snapshot = header(answer.headers, SNAPSHOT_HEADER);
      if (answer.status === 304 && conditional !== undefined) {
        await answer.body.drain();
        return { status: 'not-modified', snapshot };
      }
      if (answer.status !== 200) throw await this.#statusFault(answer);
      const length = contentLength(answer.headers);
      if (length !== null && length > maxBytes) throw sizeExceeded(displayUrl(url), maxBytes, length);
      const chunks: Buffer[] = [];
      let received = 0;
      await this.#readBody(answer, watch, signal, (chunk) => {
        received += chunk.length;
        if (received > maxBytes) throw sizeExceeded(displayUrl(url), maxBytes, received);
        chunks.push(Buffer.from(chunk));
        return undefined;
      });
      const body = Buffer.concat(chunks);
      if (looksLikeMarkup(body, header(answer.headers, 'content-type'))) throw this.#unexpected(url, answer);
      return { status: 'ok', body, snapshot, ...validatorsOf(answer.headers) };
    });
  }

  async #readInto(url: URL, file: PartialFile, request: BlobRequest, patience: Patience): Promise<Validators> {
    const { size, maxBytes, signal, onProgress } = request;
    const { offset, validator } = file;
    const whole = size ?? file.total;
    const resuming = offset > 0 && validator !== null;
    // Of a file that was all there when its try ended, the last byte is asked for: the name may stand for another content by now.
    const complete = offset === whole;
    const from = complete ? offset - 1 : offset;
    const headers: Record<string, string> = resuming ? { range: `bytes=${from}-`, 'if-range': validator.value } : {};
    return this.#converse(url, headers, signal, patience, async (answer, watch) => {
      const resumed = resuming && answer.status === 206 && continuesAt(answer.headers, from, file.total, validator);
      if (resumed && complete) {
        await answer.body.drain();
        return validatorsOf(answer.headers);
      }
      if (!resumed) {
        if (resuming && (answer.status === 206 || answer.status === 416)) {
          answer.body.drop();
          await file.begin(null, null);
          throw fault('upstream-truncated.not-continued', {
            url: displayUrl(url),
          });
        }
        if (answer.status !== 200) throw await this.#statusFault(answer);
        const length = contentLength(answer.headers);
        if (size !== null && length !== null && length !== size) {
          if (looksLikeMarkup(null, header(answer.headers, 'content-type'))) throw this.#unexpected(url, answer);
          throw sizeMismatch(displayUrl(url), size, length);
        }
        if (length !== null && length > maxBytes) throw sizeExceeded(displayUrl(url), maxBytes, length);
        if (size === null && looksLikeMarkup(null, header(answer.headers, 'content-type')))
          throw this.#unexpected(url, answer);
        await file.begin(resumeValidator(answer.headers), length ?? size);
      }
      await this.#readBody(answer, watch, signal, (chunk) => {
        // First: it may refuse them.
        onProgress?.(chunk.length);
        return file.write(chunk);
      });
      const expected = size ?? file.total;
      if (expected !== null && file.offset < expected)
        throw fault('upstream-truncated', {
          url: displayUrl(url),
          received: file.offset,
          expected,
        });
      return validatorsOf(answer.headers);
    });
  }

  /** One request with its watch; whatever goes wrong comes out as a fault with its code. */
  async #converse<T>(
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
    patience: Patience,
    read: (answer: Answer, watch: TransferWatch) => Promise<T>,
  ): Promise<T> {
    const watch = new TransferWatch(this.#limits, patience, this.#pace, signal);
    let answer: Answer | undefined;
    try {
      answer = await exchange(url, {
        dispatcher: this.#connection.dispatcher,
        headers: { 'user-agent': this.options.userAgent, accept: '*/*', 'accept-encoding': 'identity', ...headers },
        signal: watch.signal,
        headersMs: this.#limits.headersMs,
        maxRedirects: this.#limits.maxRedirects,
        allowRedirectHosts: this.options.allowRedirectHosts ?? [],
      });
      watch.startBody();
      const encoding = header(answer.headers, 'content-encoding') ?? 'identity';
      if (answer.status === 200 && encoding.toLowerCase() !== 'identity')
        throw fault('upstream-unexpected-content.compressed', {
          url: displayUrl(url),
          encoding,
        });
      return await read(answer, watch);
    } catch (error) {
      answer?.body.drop();
      throw toFault(withUrl(error, displayUrl(url)), {
        url: displayUrl(url),
        phase: answer === undefined ? 'head' : 'body',
        proxy: this.#connection.proxy,
        verdict: watch.verdict,
        cancelled: signal?.aborted === true,
        received: watch.totalBytes,
      });
    } finally {
      watch.close();
    }
  }

  #readBody(answer: Answer, watch: TransferWatch, signal: AbortSignal | undefined, take: TakeChunk): Promise<void> {
    return answer.body.read(watch, (chunk) => {
      const busy = take(chunk);
      const throttled = this.#bandwidth.take(chunk.length, signal);
      // A write that went on behind a cancelled wait would meet the next one in the same file.
      return throttled === undefined ? busy : allOver<unknown>([busy, throttled]);
    });
  }

  async #statusFault(answer: Answer): Promise<AppError> {
    await answer.body.drain();
    return statusFault(answer, this.#connection.proxy, this.#clock.now());
  }

  #unexpected(url: URL, answer: Answer): AppError {
    return fault('upstream-unexpected-content.web-page', {
      url: displayUrl(url),
      contentType: header(answer.headers, 'content-type') ?? null,
    });
  }
}

function isWorthContinuing(error: unknown): boolean {
  const code = error instanceof AppError ? error.code : '';
  return (
    code === 'cancelled' ||
    /^(upstream-(unreachable|timeout|too-slow|truncated|http-status|busy|refused|tls)|proxy-.*)$/.test(code)
  );
}

/** The store knows sizes but not where the bytes came from. */
function withUrl(error: unknown, url: string): unknown {
  if (error instanceof AppError && error.kind === 'upstream') error.details['url'] ??= url;
  return error;
}
