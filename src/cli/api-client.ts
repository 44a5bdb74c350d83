import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { loadConfig, processEnvironment } from '../config/config.js';
import { AppError } from '../platform/errors/app-error.js';

export interface ApiTarget {
  url: string;
  token: string;
}

interface RunFile {
  http: string | null;
  https: string | null;
  token: string | null;
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
  const file = join(loadConfig().dataDir, 'run', 'server.json');
  try {
    const facts = JSON.parse(await readFile(file, 'utf8')) as RunFile;
    const own = facts.http ?? facts.https;
    if (own !== null && (token ?? facts.token) !== null)
      return { url: (url ?? own).replace(/\/$/, ''), token: token ?? facts.token ?? '' };
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
  constructor(private readonly target: ApiTarget) {}

  static async connect(options: { url?: string; token?: string }): Promise<ApiClient> {
    return new ApiClient(await findServer(options));
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call<T>('POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** @throws AppError with the server's code and text; `server-unreachable`. */
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
      });
    } catch (cause) {
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
