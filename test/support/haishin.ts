import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import supertest, { type Response as Answer } from 'supertest';
import { loadConfig, type Config } from '../../src/config/config.js';
import { startServer, type RunningServer } from '../../src/main.js';
import type { PublishSteps } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { SourceLimits } from '../../src/mirror/snapshot/source-opener.js';
import type { TransferLimits } from '../../src/mirror/upstream/transfer-limits.js';
import type { Clock } from '../../src/platform/clock/clock.js';
import { createLogger, type Logger } from '../../src/platform/logging/logger.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

export const TEST_TOKEN = 'test-token-0123456789abcdef';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- bodies are untyped; their shape is what tests assert
  body: any;
}

export interface HaishinOptions {
  upstreamUrl?: string;
  clock?: Clock;
  publishSteps?: PublishSteps;
  limits?: Partial<TransferLimits>;
  config?: Partial<Config>;
  dataDir?: string;
  database?: TestDatabase;
  logLevel?: string;
  /** For tests of what the server says. */
  logger?: Logger;
}

/** A body as a browser or a script sends it; nothing for undefined. */
async function encode(body: unknown): Promise<{ body: string | Buffer; type: Record<string, string> } | undefined> {
  if (body === undefined) return undefined;
  if (!(body instanceof FormData)) return { body: JSON.stringify(body), type: { 'content-type': 'application/json' } };
  const form = new Response(body);
  const type = { 'content-type': form.headers.get('content-type') ?? '' };
  return { body: Buffer.from(await form.arrayBuffer()), type };
}

/** As it came: what is JSON and what is not is told by the answer, not guessed. */
function asText(answer: Answer, done: (error: Error | null, body: string) => void): void {
  text(answer as unknown as Readable).then(
    (body) => done(null, body),
    (error: Error) => done(error, ''),
  );
}

/** Calls the management API with the bootstrap token. */
export class ApiCaller {
  constructor(
    readonly baseUrl: string,
    private readonly token: string = TEST_TOKEN,
  ) {}

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    const sent = await encode(body);
    const request = supertest(this.baseUrl)
      [method.toLowerCase() as 'get'](path)
      .set({ authorization: `Bearer ${this.token}`, ...sent?.type, ...headers })
      .buffer(true)
      .parse(asText);
    if (sent !== undefined) void request.send(sent.body);
    const { status, headers: answered, body: text } = await request;
    const head = new Headers(answered);
    const json = (head.get('content-type') ?? '').includes('json');
    return { status, headers: head, body: json && text !== '' ? JSON.parse(text as string) : text };
  }

  /** A real clock may strike a quarter of an hour in the middle of any test. */
  async stopSchedule(): Promise<void> {
    const { body } = await this.get('/api/v1/settings/download-schedule');
    await this.put('/api/v1/settings/download-schedule', { ...body, enabled: false });
  }

  get(path: string): Promise<ApiAnswer> {
    return this.call('GET', path);
  }

  post(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.call('POST', path, body);
  }

  put(path: string, body: unknown): Promise<ApiAnswer> {
    return this.call('PUT', path, body);
  }

  /** Starts a download and waits for its end. */
  async download(components?: string[]): Promise<ApiAnswer['body']> {
    const started = await this.post('/api/v1/downloads', components === undefined ? {} : { components });
    if (started.status !== 202) throw new Error(`the download did not start: ${JSON.stringify(started.body)}`);
    return this.ended(started.body.id as string);
  }

  /** Waits until a download has ended. */
  async ended(id: string): Promise<ApiAnswer['body']> {
    for (;;) {
      const { body } = await this.get(`/api/v1/downloads/${id}`);
      if (!['queued', 'running'].includes(body.state as string)) return body;
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async component(id: string): Promise<ApiAnswer['body']> {
    return (await this.get(`/api/v1/components/${id}`)).body;
  }
}

export interface TestHaishin {
  server: RunningServer;
  api: ApiCaller;
  http: string;
  https: string;
  dataDir: string;
  database: TestDatabase;
  /** Stops the server; the data and the database stay, for another start on them. */
  stop(): Promise<void>;
  /** Stops the server and removes everything. */
  dispose(): Promise<void>;
}

function configOf(options: HaishinOptions, dataDir: string, databaseUrl: string): Config {
  return loadConfig(
    {
      dataDir,
      databaseUrl,
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 0,
      bootstrapToken: TEST_TOKEN,
      logLevel: options.logLevel ?? 'silent',
      ...(options.upstreamUrl === undefined ? {} : { upstreamUrl: options.upstreamUrl }),
      ...options.config,
    },
    {},
  );
}

/** A complete server in this process, on real sockets and a real database. */
export async function startHaishin(options: HaishinOptions = {}): Promise<TestHaishin> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'haishin-test-')));
  const database = options.database ?? (await createTestDatabase());
  const config = configOf(options, dataDir, database.url);
  const server = await startServer({
    config,
    logger: options.logger ?? createLogger(config.logLevel),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.publishSteps ? { publishSteps: options.publishSteps } : {}),
    sourceLimits: new SourceLimits(options.limits ?? {}),
    cronJobs: false,
  });
  return {
    server,
    api: new ApiCaller(server.httpUrl ?? ''),
    http: server.httpUrl ?? '',
    https: server.httpsUrl ?? '',
    dataDir,
    database,
    stop: () => server.stop(),
    dispose: async () => {
      await server.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface SpawnedHaishin {
  process: ChildProcess;
  api: ApiCaller;
  http: string;
  https: string;
  dataDir: string;
  stderr: () => string;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): Promise<number | string>;
}

/** The built server as a process of its own, for kills and signals. */
export async function spawnHaishin(options: {
  dataDir: string;
  databaseUrl?: string;
  upstreamUrl?: string;
  env?: Record<string, string>;
  args?: string[];
  /** Where the log goes; without it, to `stderr()`. */
  log?: number;
}): Promise<SpawnedHaishin> {
  const child = spawn(process.execPath, [resolve('dist/cli.js'), 'serve', ...(options.args ?? [])], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      HAISHIN_DATA_DIR: options.dataDir,
      HAISHIN_HOST: '127.0.0.1',
      HAISHIN_HTTP_PORT: '0',
      HAISHIN_HTTPS_PORT: '0',
      HAISHIN_BOOTSTRAP_TOKEN: TEST_TOKEN,
      DATABASE_URL: options.databaseUrl ?? '',
      HAISHIN_UPSTREAM_URL: options.upstreamUrl ?? '',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', options.log ?? 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | string>((done) =>
    child.once('exit', (code, signal) => done(code ?? signal ?? '')),
  );
  const line = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stdout as Readable }).on('line', (text) => {
      if (text.startsWith('listening ')) done(text);
    });
    void ended.then((code) => fail(new Error(`the server ended with ${code} before it listened:\n${stderr}`)));
  });
  const [, http = '', https = ''] = /http=(\S+) https=(\S+)/.exec(line) ?? [];
  const api = new ApiCaller(http);
  await api.stopSchedule();
  return {
    process: child,
    api,
    http,
    https,
    dataDir: options.dataDir,
    stderr: () => stderr,
    ended,
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
