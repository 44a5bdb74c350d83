import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, request } from 'undici';
import type { TlsFiles } from '../config/agent-config.js';
import { AgentError, ERROR_NUMBER, systemCode } from '../errors/agent-error.js';
import { VERSION } from '../version.js';

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 30_000;

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** How long the answer may take to begin; 30 s unless told. */
  readonly headersTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/** HTTP and HTTPS with the configured certificates; certificates are always verified. */
export class HttpAccess {
  readonly #dispatcher: Agent;

  /** @throws AgentError configuration/tls-file-unreadable */
  constructor(tls: TlsFiles) {
    const ca = tls.caFile === null ? {} : { ca: [...getCACertificates('default'), pem(tls.caFile)] };
    const identity =
      tls.certFile === null || tls.keyFile === null ? {} : { cert: pem(tls.certFile), key: pem(tls.keyFile) };
    this.#dispatcher = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS, ...ca, ...identity }, connections: 8 });
  }

  /** @throws AgentError download/server-unreachable or tls-not-trusted; the abort reason when aborted. */
  async send(url: string, options: HttpRequest = {}): Promise<Dispatcher.ResponseData> {
    try {
      return await request(url, {
        method: options.method ?? 'GET',
        headers: { 'user-agent': `haishin-agent/${VERSION}`, ...options.headers },
        dispatcher: this.#dispatcher,
        headersTimeout: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
        bodyTimeout: options.idleTimeoutMs ?? HEADERS_TIMEOUT_MS,
        ...(options.body === undefined ? {} : { body: options.body }),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw connectionError(url, error);
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

/** Reads a body of at most `most` bytes. @throws AgentError server/answer-too-large */
export async function readBounded(answer: Dispatcher.ResponseData, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) throw new AgentError('server', 'answer-too-large', `the answer is larger than ${most} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** A failure below HTTP, in words. */
export function connectionError(url: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const code = systemCode(error) ?? '';
  const origin = URL.parse(url)?.origin ?? 'the server';
  const text = error instanceof Error ? error.message : String(error);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/.test(code)) {
    const message = `the certificate of ${origin} is not trusted (${code}): ${text}`;
    return new AgentError('download', 'tls-not-trusted', message, ERROR_NUMBER.trust, error);
  }
  const message = `${origin} cannot be reached (${code || 'no code'}): ${text}`;
  return new AgentError('download', 'server-unreachable', message, ERROR_NUMBER.unreachable, error);
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AgentError('configuration', 'tls-file-unreadable', `cannot read ${path}`, undefined, error);
  }
}
