import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundledProgram, COMPILE_CACHE } from '../../../test/support/bundled-program.js';

const CLI = new URL('../../src/cli.ts', import.meta.url);
const CRASHING = new URL('./crashing-agent.ts', import.meta.url);

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running agent; `ended` settles when the process is gone. */
export class AgentProcess {
  readonly ended: Promise<Ended>;
  readonly child: ChildProcess;
  #stderr = '';
  readonly #watchers = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    let stdout = '';
    child.stdout?.on('data', (part: Buffer) => (stdout += part.toString()));
    child.stderr?.on('data', (part: Buffer) => {
      this.#stderr += part.toString();
      for (const watcher of this.#watchers) watcher();
    });
    this.ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr: this.#stderr,
    }));
  }

  get log(): string {
    return this.#stderr;
  }

  /** Resolves as soon as the log matches. */
  async logged(pattern: RegExp): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const watcher = (): void => {
        if (!pattern.test(this.#stderr)) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
    const gone = this.ended.then((end) => {
      throw new Error(`the agent ended before it logged ${pattern}: ${end.stderr}`);
    });
    await Promise.race([seen, gone]);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

export interface StartOptions {
  readonly killAtStep?: number;
  readonly environment?: Record<string, string>;
}

export function startAgent(words: readonly string[], options: StartOptions = {}): AgentProcess {
  const { killAtStep } = options;
  const script = killAtStep === undefined ? [bundledProgram(CLI)] : [bundledProgram(CRASHING), String(killAtStep)];
  const child = spawn(process.execPath, [...script, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE, ...options.environment },
  });
  return new AgentProcess(child);
}
