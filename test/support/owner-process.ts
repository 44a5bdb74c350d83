import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What embedded-owner.ts prints. */
export interface OwnerReport {
  url: string;
  postmaster: number;
  milliseconds: number;
  code?: string;
  message?: string;
  details?: Record<string, unknown>;
}

export interface OwnerProcess {
  child: ChildProcess;
  report: OwnerReport;
  /** What it logged since, in order. */
  logged: string[];
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

const SUPPORT = fileURLToPath(new URL('.', import.meta.url));

/** Another process of ours that starts an embedded PostgreSQL on the directory, perhaps as another user. */
export async function startOwner(
  dataDir: string,
  options: { uid?: number; gid?: number; mode?: 'exit' | 'crowd' } = {},
): Promise<OwnerProcess> {
  const { mode, ...account } = options;
  const limit = mode === 'crowd' ? ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'] : [];
  const [command = '', ...words] = [...limit, process.execPath];
  const child = spawn(
    command,
    [
      ...words,
      '--import',
      `${SUPPORT}typescript-hooks.mjs`,
      `${SUPPORT}embedded-owner.ts`,
      dataDir,
      ...(mode ? [mode] : []),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], ...account },
  );
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit');
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => line as string),
    ended.then(([code, signal]) => {
      throw new Error(`the owner ended without a word: ${String(signal ?? code)}`);
    }),
  ]);
  const logged: string[] = [];
  lines.on('line', (line) => logged.push((JSON.parse(line) as { logged: string }).logged));
  return {
    child,
    logged,
    report: JSON.parse(first) as OwnerReport,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
