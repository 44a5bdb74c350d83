import { spawn } from 'node:child_process';
import type { HookCommand } from '../config/agent-config.js';
import { AgentError } from '../errors/agent-error.js';
import type { Service } from './journal.js';

const MAX_OUTPUT = 4000;
/** Hooks get no more than this of the agent's environment: tokens may stand in the rest. */
const HOOK_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

export interface HookSettings {
  readonly scanService: HookCommand | null;
  readonly policyService: HookCommand | null;
  readonly timeoutSeconds: number;
}

/** What a service restart needs to know; passed to the hook as environment. */
export interface HookContext {
  readonly components: readonly string[];
  readonly cause: 'install' | 'rollback' | 'revert';
}

/** Restarts the product's services after an update: the scan service, then the policy service. */
export class RestartHooks {
  readonly #settings: HookSettings;

  constructor(settings: HookSettings) {
    this.#settings = settings;
  }

  /** One line per service. @throws AgentError restart/restart-failed with the hook's output, shortened */
  async restart(services: readonly Service[], context: HookContext): Promise<string[]> {
    const details: string[] = [];
    for (const service of ['scan-service', 'policy-service'] as const) {
      if (!services.includes(service)) continue;
      const command = service === 'scan-service' ? this.#settings.scanService : this.#settings.policyService;
      if (command === null) {
        details.push(`${service}: no restart hook is configured`);
        continue;
      }
      const result = await runHook(command, this.#settings.timeoutSeconds, {
        HAISHIN_SERVICE: service,
        HAISHIN_COMPONENTS: context.components.join(' '),
        HAISHIN_CAUSE: context.cause,
      });
      if (result.problem !== null) {
        const message = `restart of the ${service} failed (${result.problem}): ${result.output || 'no output'}`;
        throw new AgentError('restart', 'restart-failed', message);
      }
      details.push(`${service}: restarted`);
    }
    return details;
  }
}

/** Runs a configured command in a process group of its own; the end of its output is kept. */
export function runHook(
  command: HookCommand,
  timeoutSeconds: number,
  environment: Readonly<Record<string, string>>,
): Promise<{ problem: string | null; output: string }> {
  const [file, ...words] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  return new Promise((resolve) => {
    // Its own group: a Ctrl-C meant for the agent must not end a restart halfway, and a time-out must end all of it.
    const child = spawn(file ?? '', words, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...HOOK_ENVIRONMENT, ...environment },
    });
    let output = '';
    let timedOut = false;
    const collect = (part: Buffer): void => {
      output = (output + part.toString('utf8')).slice(-MAX_OUTPUT);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const endGroup = (): void => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(endGroup, timeoutSeconds * 1000);
    const finish = (problem: string | null): void => {
      clearTimeout(timer);
      // A daemon that the hook left behind may hold the pipes open: nothing more is wanted from them.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ problem: timedOut ? `no end within ${timeoutSeconds} s` : problem, output: output.trim() });
    };
    child.on('error', (error) => finish(error.message));
    child.on('exit', (code, signal) => setImmediate(finish, code === 0 ? null : `exit ${code ?? signal}`));
  });
}
