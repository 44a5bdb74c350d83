import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentProcess, type Ended, type StartOptions, startAgent } from './agent-process.js';
import { TARGET_TOKEN } from './ddi-stub.js';

/** One product host: its directories, its configuration, its hook log, and the agents started on it. */
export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'haishin-agent-'));
  productDirectory = join(this.root, 'product');
  stateDirectory = join(this.root, 'state');
  readonly #hookLog = join(this.root, 'hooks.log');
  readonly #configFile = join(this.root, 'agent.json');
  readonly #agents: AgentProcess[] = [];

  constructor() {
    mkdirSync(this.productDirectory);
    mkdirSync(this.stateDirectory);
  }

  configure(server: string | null, more: Record<string, unknown> = {}): void {
    const { polling, hooks, ...rest } = more;
    const config = {
      server,
      controllerId: 'product-1',
      targetToken: server === null ? undefined : TARGET_TOKEN,
      productDirectory: this.productDirectory,
      stateDirectory: this.stateDirectory,
      hooks: { scanService: this.hook('scan'), policyService: this.hook('policy'), ...(hooks as object | undefined) },
      polling: {
        intervalSeconds: 0.2,
        waitSeconds: 5,
        cancelCheckSeconds: 0.05,
        retryBaseSeconds: 0.05,
        ...(polling as object | undefined),
      },
      schedule: { enabled: false },
      ...rest,
    };
    writeFileSync(this.#configFile, JSON.stringify(config));
  }

  /** A hook that notes who was restarted, why, and what was current at that moment. */
  hook(name: string, then = ''): string {
    return `echo "${name} $HAISHIN_CAUSE $HAISHIN_COMPONENTS" >> ${this.#hookLog}; ${then}`;
  }

  hookCalls(): string[] {
    return existsSync(this.#hookLog) ? readFileSync(this.#hookLog, 'utf8').trim().split('\n') : [];
  }

  start(words: readonly string[], options: StartOptions = {}): AgentProcess {
    const agent = startAgent(['--config', this.#configFile, ...words], options);
    this.#agents.push(agent);
    return agent;
  }

  async run(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
    return this.start(words, options).ended;
  }

  /** Version directory in force, or null. */
  current(component: string): string | null {
    const pointer = join(this.productDirectory, component, 'current');
    return existsSync(pointer) ? readlinkSync(pointer).replace('versions/', '') : null;
  }

  generations(component: string): string[] {
    const path = join(this.productDirectory, component, 'versions');
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  /** What the product reads. */
  content(component: string, file: string): Buffer {
    return readFileSync(join(this.productDirectory, component, 'current', file));
  }

  state(): Record<string, unknown> {
    const path = join(this.stateDirectory, 'state.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {};
  }

  writeState(state: Record<string, unknown>): void {
    writeFileSync(join(this.stateDirectory, 'state.json'), JSON.stringify({ formatVersion: 1, ...state }));
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  downloads(): string[] {
    const path = join(this.stateDirectory, 'downloads');
    return existsSync(path) ? readdirSync(path) : [];
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents) agent.kill('SIGKILL');
    await Promise.all(this.#agents.map((agent) => agent.ended));
    chmodSync(this.root, 0o755);
    rmSync(this.root, { recursive: true, force: true });
  }
}
