import { jest } from '@jest/globals';
import { runCli } from '../../src/cli/program.js';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command in this process, with what it prints and its exit code; for commands that end by themselves. */
export async function runCommand(...args: string[]): Promise<CommandResult> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((chunk, encodingOrDone, done) => {
      printed[stream] += Buffer.from(chunk as string).toString();
      (typeof encodingOrDone === 'function' ? encodingOrDone : done)?.();
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await runCli([process.execPath, 'haishin', ...args]);
    return { code: Number(process.exitCode), ...printed };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/** The same with variables of the environment, which are put back afterwards. */
export async function runCommandIn(env: Record<string, string>, ...args: string[]): Promise<CommandResult> {
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  try {
    return await runCommand(...args);
  } finally {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
}
