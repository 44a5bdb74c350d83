import { readFile } from 'node:fs/promises';
import { request, type Dispatcher } from 'undici';
import { loadConfig, processEnvironment } from '../config/config.js';
import { AppError } from '../platform/errors/app-error.js';
import { runFilePath, type RunFacts } from '../server/run-file.js';
import { certificateFault, trustingOnly } from './pinned-certificate.js';

export interface ApiTarget {
  url: string;
  token: string;
  /** SHA-256 fingerprint of the one certificate to trust; without it, whatever a known authority issued. */
  certificate?: string | null;
}

/**
 * Where the server is: HAISHIN_URL and HAISHIN_TOKEN, else the server that runs on this data directory, which leaves its
 * address and a token of its own in a file that only its account can read.
 * @throws AppError `server-not-running`.
 */
export async function findServer(options: { url?: string; token?: string }): Promise<ApiTarget> {
  const env = processEnvironment();
  const url = options.url ?? env['HAISHIN_URL'];
  const token = options.token ?? env['HAISHIN_TOKEN'];
  if (url !== undefined && token !== undefined) return { url: url.replace(/\/$/, ''), token };
  const file = runFilePath(loadConfig().dataDir);
  try {
    const facts = JSON.parse(await readFile(file, 'utf8')) as RunFacts;
    const own = facts.http ?? facts.https;
    if (own !== null && (token ?? facts.token) !== null) {
      const found = { url: (url ?? own).replace(/\/$/, ''), token: token ?? facts.token ?? '' };
      return found.url === facts.https ? { ...found, certificate: facts.certificate } : found;
    }
  } catch {
    // said below: no file is the usual case of a server that does not run
  }
  throw new AppError(
    'unavailable',
    'server-not-running',
    `No server runs on this data directory (${file} is missing). Start it with "haishin serve", or name one with HAISHIN_URL and HAISHIN_TOKEN.`,
  );
}

/** Calls the management API of a server. */
export class ApiClient {
  private readonly dispatcher: Dispatcher | undefined;

  constructor(private readonly target: ApiTarget) {
    this.dispatcher = target.certificate ? trustingOnly(target.certificate) : undefined;
  }

  static async connect(options: { url?: string; token?: string }): Promise<ApiClient> {
    return new ApiClient(await findServer(options));
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call<T>('POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** @throws AppError with the server's code and text; `server-unreachable`, `server-certificate-untrusted`. */
  async call<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: string | Buffer | FormData | AsyncIterable<Buffer>,
    headers: Record<string, string> = {},
  ): Promise<T> {
    let answer;
    try {
      answer = await request(`${this.target.url}${path}`, {
        method,
        headers: { ...headers, authorization: `Bearer ${this.target.token}` },
        ...(body === undefined ? {} : { body: body as string }),
        ...(this.dispatcher === undefined ? {} : { dispatcher: this.dispatcher }),
      });
    } catch (cause) {
      const untrusted = certificateFault(cause);
      if (untrusted !== null)
        throw new AppError(
          'unavailable',
          'server-certificate-untrusted',
          `The certificate of ${this.target.url} is not trusted: ${untrusted}. Nothing was sent. ` +
            'If it is the right server, name a file with its certificate or its authority in NODE_EXTRA_CA_CERTS.',
          { cause },
        );
      throw new AppError('unavailable', 'server-unreachable', `The server at ${this.target.url} cannot be reached.`, {
        cause,
      });
    }
    const text = await answer.body.text();
    if (answer.statusCode < 400) return (text === '' ? undefined : JSON.parse(text)) as T;
    const problem = parseProblem(text);
    throw new AppError('bad-input', problem.code ?? `http-${answer.statusCode}`, problem.detail ?? text.slice(0, 500), {
      details: { ...problem },
    });
  }
}

function parseProblem(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string };
  } catch {
    return {};
  }
}
