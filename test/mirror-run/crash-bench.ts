import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PublishStep } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { bundledProgram, COMPILE_CACHE } from '../support/bundled-program.js';
import type { CrashServerOrder } from '../support/crash-server.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { ApiCaller, TEST_TOKEN } from '../support/haishin.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { servedTree, type ServedTree } from './mirror-bench.js';

const CRASH_SERVER = new URL('../support/crash-server.ts', import.meta.url);

export interface CrashServer {
  api: ApiCaller;
  http: string;
  process: ChildProcess;
  ended: Promise<unknown>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A server in a process of its own on data, database and upstream that outlive it. */
export class CrashBench {
  /** Also of tests that failed half-way: a server that is left holds up the end of the whole run. */
  private readonly children: ChildProcess[] = [];

  private constructor(
    readonly upstream: FaultyUpstream,
    readonly dataDir: string,
    readonly database: TestDatabase,
  ) {}

  static async open(scale = 0.0005): Promise<CrashBench> {
    const upstream = await FaultyUpstream.start({ tree: new SampleTree({ scale }) });
    return new CrashBench(upstream, await mkdtemp(join(tmpdir(), 'haishin-crash-')), await createTestDatabase());
  }

  async start(dieAt: PublishStep | null = null): Promise<CrashServer> {
    const order: CrashServerOrder = {
      dataDir: this.dataDir,
      databaseUrl: this.database.url,
      upstreamUrl: this.upstream.url,
      token: TEST_TOKEN,
      dieAt,
    };
    const child = spawn(process.execPath, [bundledProgram(CRASH_SERVER), JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: COMPILE_CACHE },
    });
    this.children.push(child);
    const ended = once(child, 'exit');
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([text]) => text as string),
      ended.then(([code, signal]) => {
        throw new Error(`the server ended before it listened: ${String(signal ?? code)}`);
      }),
    ]);
    const http = line.replace('listening http=', '');
    return {
      api: new ApiCaller(http),
      http,
      process: child,
      ended,
      kill: async (signal = 'SIGKILL') => {
        child.kill(signal);
        await ended;
      },
    };
  }

  /** Both channels, each complete and consistent, and of the same releases. */
  async served(server: CrashServer): Promise<{ global: ServedTree; japan: ServedTree }> {
    const global = await servedTree(`${server.http}/activeupdate`);
    const japan = await servedTree(`${server.http}/activeupdate/japan`);
    expect(japan.files).toEqual(global.files);
    return { global, japan };
  }

  async close(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await this.upstream.close();
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
