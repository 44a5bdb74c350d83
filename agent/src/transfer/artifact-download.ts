import { type Hash, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import { AgentError, ERROR_NUMBER, systemCode, toAgentError } from '../errors/agent-error.js';
import { readIfThere, syncDirectory, writeFileDurably } from '../files/durable-file.js';
import { type HttpAccess, connectionError } from '../server/http-access.js';
import { parseRetryAfter } from '../server/ddi-messages.js';
import { sleep } from '../service/sleep.js';
import { BodyReader } from './body-reader.js';

export interface Wanted {
  readonly url: string;
  readonly size: number;
  /** Lower-case hex; null when the source names none (then the size alone decides). */
  readonly sha256: string | null;
  /** Key of the file in the download directory: content or URL digest, hex. */
  readonly key: string;
  readonly headers: Record<string, string>;
}

export interface Fetched {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

export interface TransferSettings {
  readonly tries: number;
  readonly idleTimeoutMs: number;
  readonly retryBaseMs: number;
}

const LONGEST_PAUSE_MS = 60_000;

/** The file as it is being taken: bytes so far, and the validator that a continuation needs. */
interface Partial {
  readonly handle: FileHandle;
  readonly hash: Hash;
  offset: number;
}

/**
 * Downloads into `<directory>/<key>`. A cut transfer goes on where it stopped, within one run and across restarts, when
 * the source gave a strong ETag; a finished file has its size and digest checked before it gets its name.
 */
export class ArtifactDownload {
  readonly #http: HttpAccess;
  readonly #directory: string;
  readonly #settings: TransferSettings;

  constructor(http: HttpAccess, directory: string, settings: TransferSettings) {
    this.#http = http;
    this.#directory = directory;
    this.#settings = settings;
  }

  /** @throws AgentError download/…, verification/size-mismatch, verification/hash-mismatch, installation/disk-full */
  async fetch(wanted: Wanted, signal: AbortSignal): Promise<Fetched> {
    await mkdir(this.#directory, { recursive: true });
    const path = join(this.#directory, wanted.key);
    const there = await this.#finished(path, wanted);
    if (there) return there;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(path, wanted, signal);
      } catch (error) {
        signal.throwIfAborted();
        const failure = toAgentError(error, 'download');
        if (failure.code === 'disk-full') await this.#discard(path);
        const pause = retryPause(failure, attempt, this.#settings);
        if (attempt >= this.#settings.tries || pause === null) throw failure;
        await sleep(pause, signal);
        signal.throwIfAborted();
      }
    }
  }

  /** Removes every download, finished or not, whose key is not among `keep`. */
  async clear(keep: ReadonlySet<string> = new Set()): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      if (!keep.has(name.replace(/\.(part|etag)$/, ''))) await rm(join(this.#directory, name), { force: true });
    }
  }

  async #finished(path: string, wanted: Wanted): Promise<Fetched | null> {
    const size = await sizeOf(path);
    if (size === null) return null;
    if (size === wanted.size && wanted.sha256 !== null && (await hashFile(path)) === wanted.sha256) {
      return { path, sha256: wanted.sha256, size };
    }
    await rm(path, { force: true });
    return null;
  }

  async #attempt(path: string, wanted: Wanted, signal: AbortSignal): Promise<Fetched> {
    const etag = await readIfThere(`${path}.etag`);
    const resumeAt = etag === null ? 0 : Math.min((await sizeOf(`${path}.part`)) ?? 0, wanted.size);
    const headers = { ...wanted.headers, 'accept-encoding': 'identity' };
    // A complete part may be left by a loss of power before the rename: nothing to ask for, only to check.
    if (resumeAt === wanted.size && resumeAt > 0) return this.#check(path, wanted, await hashFile(`${path}.part`));
    const range: Record<string, string> =
      etag !== null && resumeAt > 0 ? { range: `bytes=${resumeAt}-`, 'if-range': etag } : {};
    const answer = await this.#http.send(wanted.url, {
      headers: { ...headers, ...range },
      signal,
      idleTimeoutMs: this.#settings.idleTimeoutMs,
    });
    const body = new BodyReader(answer.body);
    try {
      return await this.#take(answer, body, path, wanted, resumeAt);
    } finally {
      body.discard();
    }
  }

  async #take(
    answer: Dispatcher.ResponseData,
    body: BodyReader,
    path: string,
    wanted: Wanted,
    resumeAt: number,
  ): Promise<Fetched> {
    if (answer.statusCode !== 200 && answer.statusCode !== 206) {
      if (answer.statusCode === 416) await this.#discard(path);
      throw new DownloadStatusError(answer, wanted.url);
    }
    const offset = await this.#startOffset(answer, path, wanted, resumeAt);
    return this.#check(path, wanted, await this.#receive(body, path, wanted, offset));
  }

  /** Where the body begins in the file; notes the validator for the next continuation. */
  async #startOffset(answer: Dispatcher.ResponseData, path: string, wanted: Wanted, asked: number): Promise<number> {
    if (answer.statusCode === 206) {
      const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(single(answer, 'content-range') ?? '');
      if (Number(range?.[1]) === asked && Number(range?.[2]) === wanted.size) return asked;
      await this.#discard(path);
      throw new AgentError('download', 'range-mismatch', 'the server continued the download at the wrong place');
    }
    const announced = single(answer, 'content-length');
    if (announced !== null && Number(announced) !== wanted.size) {
      throw sizeMismatch(wanted, announced);
    }
    const etag = single(answer, 'etag');
    await rm(`${path}.part`, { force: true });
    if (etag?.startsWith('"')) await writeFileDurably(`${path}.etag`, etag);
    else await rm(`${path}.etag`, { force: true });
    return 0;
  }

  async #receive(body: BodyReader, path: string, wanted: Wanted, offset: number): Promise<string> {
    const hash = offset > 0 ? await hashInto(`${path}.part`, offset) : createHash('sha256');
    const handle = await open(`${path}.part`, offset > 0 ? 'r+' : 'w', 0o644);
    const partial: Partial = { handle, hash, offset };
    try {
      await this.#write(body, partial, wanted);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return hash.digest('hex');
  }

  async #write(body: BodyReader, partial: Partial, wanted: Wanted): Promise<void> {
    const batches = body.batches();
    for (;;) {
      const next = await batches.next().catch((error: unknown) => {
        throw connectionError(wanted.url, error);
      });
      if (next.done) break;
      const bytes = next.value.reduce((sum, part) => sum + part.length, 0);
      if (partial.offset + bytes > wanted.size) throw sizeMismatch(wanted, 'more than announced');
      for (const part of next.value) partial.hash.update(part);
      await writeAll(partial.handle, next.value, partial.offset);
      partial.offset += bytes;
    }
    if (partial.offset < wanted.size) {
      const message = `the connection ended after ${partial.offset} of ${wanted.size} bytes`;
      throw new AgentError('download', 'download-truncated', message, ERROR_NUMBER.unreachable);
    }
  }

  async #check(path: string, wanted: Wanted, sha256: string): Promise<Fetched> {
    const size = (await sizeOf(`${path}.part`)) ?? 0;
    if (size !== wanted.size || (wanted.sha256 !== null && sha256 !== wanted.sha256)) {
      await this.#discard(path);
      if (size !== wanted.size) throw sizeMismatch(wanted, String(size));
      const message = `SHA-256 of ${name(wanted)} is ${sha256}, announced was ${wanted.sha256}`;
      throw new AgentError('verification', 'hash-mismatch', message, ERROR_NUMBER.trust);
    }
    await rename(`${path}.part`, path);
    await rm(`${path}.etag`, { force: true });
    await syncDirectory(this.#directory);
    return { path, sha256, size };
  }

  async #discard(path: string): Promise<void> {
    await rm(`${path}.part`, { force: true });
    await rm(`${path}.etag`, { force: true });
  }
}

class DownloadStatusError extends AgentError {
  readonly status: number;
  readonly retryAfterSeconds: number | null;

  constructor(answer: Dispatcher.ResponseData, url: string) {
    const missing = answer.statusCode === 404 || answer.statusCode === 410;
    const message = `the download of ${new URL(url).pathname} was answered with ${answer.statusCode}`;
    super(
      'download',
      missing ? 'file-not-found' : 'download-http-status',
      message,
      missing ? ERROR_NUMBER.notFound : 1,
    );
    this.status = answer.statusCode;
    this.retryAfterSeconds = parseRetryAfter(single(answer, 'retry-after') ?? undefined, Date.now());
  }
}

/** Pause before another try in milliseconds, or null when a try cannot help. */
function retryPause(failure: AgentError, attempt: number, settings: TransferSettings): number | null {
  const backoff = Math.min(settings.retryBaseMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
  if (failure instanceof DownloadStatusError) {
    const passing = failure.status >= 500 || failure.status === 429 || failure.status === 408 || failure.status === 416;
    return passing ? Math.max(backoff, Math.min((failure.retryAfterSeconds ?? 0) * 1000, LONGEST_PAUSE_MS)) : null;
  }
  // One more try after a wrong digest: the earlier part may have been spoiled on the way or on the disk.
  if (failure.code === 'hash-mismatch') return attempt === 1 ? backoff : null;
  return failure.reason === 'download' && failure.code !== 'tls-not-trusted' ? backoff : null;
}

async function writeAll(handle: FileHandle, parts: readonly Buffer[], position: number): Promise<void> {
  const bytes = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  for (let written = 0; written < bytes.length;) {
    written += (await handle.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

export async function hashFile(path: string): Promise<string> {
  return (await hashInto(path, Infinity)).digest('hex');
}

async function hashInto(path: string, bytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  const end = Number.isFinite(bytes) ? { end: bytes - 1 } : {};
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20, ...end })) hash.update(part as Buffer);
  return hash;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function single(answer: Dispatcher.ResponseData, key: string): string | null {
  const value = answer.headers[key];
  return typeof value === 'string' ? value : null;
}

function name(wanted: Wanted): string {
  return new URL(wanted.url).pathname;
}

function sizeMismatch(wanted: Wanted, found: string): AgentError {
  const message = `size of ${name(wanted)} is ${found}, announced were ${wanted.size} bytes`;
  return new AgentError('verification', 'size-mismatch', message, ERROR_NUMBER.trust);
}
