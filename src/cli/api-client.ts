import { readFile } from 'node:fs/promises';
import { request, type Dispatcher } from 'undici';
import { givenVariables, loadConfig } from '../config/config.js';
import { AppError } from '../platform/errors/app-error.js';
import { terminalLanguage } from './language.js';
import { sameInAll } from '../platform/texts/texts.js';
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
 * @throws AppError `server-not-running`, `token-missing`, `token-malformed`.
 */
export async function findServer(options: { url?: string; token?: string }): Promise<ApiTarget> {
  const env = givenVariables();
  const url = options.url ?? env['HAISHIN_URL'];
  const token = options.token ?? env['HAISHIN_TOKEN'];
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new AppError('bad-input', 'token-malformed');
  if (url !== undefined && token !== undefined) return { url: url.replace(/\/$/, ''), token };
  const file = runFilePath(loadConfig().dataDir);
  const facts = await readFacts(file);
  const own = facts?.http ?? facts?.https ?? null;
  const asked = (url ?? own)?.replace(/\/$/, '');
  if (asked === undefined) throw new AppError('unavailable', 'server-not-running', { values: { file } });
  const isOwn = facts !== null && (asked === facts.http || asked === facts.https);
  // The token of the server on this host is nobody else's business.
  const itsToken = token ?? (isOwn ? facts.token : null);
  if (itsToken === null)
    throw new AppError('bad-input', isOwn ? 'token-missing.host' : 'token-missing.server', { values: { url: asked } });
  const found = { url: asked, token: itsToken };
  return isOwn && asked === facts.https ? { ...found, certificate: facts.certificate } : found;
}

/** Null when there is none: the usual case of a server that does not run. */
async function readFacts(file: string): Promise<RunFacts | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunFacts;
  } catch {
    return null;
  }
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

  /** All items of a list, whatever their number. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor = ''; ;) {
      const page = await this.get<{ items: T[]; next: string | null }>(`${path}?limit=500${cursor}`);
      items.push(...page.items);
      if (page.next === null) return items;
      cursor = `&cursor=${page.next}`;
    }
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call<T>('POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** @throws AppError with the server's code and text; `server-unreachable`, `server-certificate-untrusted`, `not-a-haishin`. */
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
        headers: {
          ...headers,
          authorization: `Bearer ${this.target.token}`,
          'accept-language': terminalLanguage(),
        },
        ...(body === undefined ? {} : { body: body as string }),
        ...(this.dispatcher === undefined ? {} : { dispatcher: this.dispatcher }),
      });
    } catch (cause) {
      const untrusted = certificateFault(cause);
      if (untrusted !== null)
        throw new AppError('unavailable', 'server-certificate-untrusted', {
          values: { url: this.target.url, untrusted },
          cause,
        });
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new AppError('unavailable', 'server-unreachable', {
        values: { url: this.target.url, reason: code ?? message },
        cause,
      });
    }
    const text = await answer.body.text();
    if (answer.statusCode < 400) return (text === '' ? undefined : this.parse(text)) as T;
    const problem = parseProblem(text);
    const said = sameInAll(problem.detail ?? text.slice(0, 500));
    throw new AppError(
      'bad-input',
      { code: problem.code ?? `http-${answer.statusCode}`, text: said },
      { details: { ...problem } },
    );
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new AppError('unavailable', 'not-a-haishin', { values: { url: this.target.url }, cause });
    }
  }
}

function parseProblem(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string };
  } catch {
    return {};
  }
}
