import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of the built program to its end. */
export function haishin(args: string[], env: Record<string, string> = {}, cwd = process.cwd()): Promise<Result> {
  return new Promise((done) => {
    const options = { env: { ...process.env, NODE_OPTIONS: '', ...env }, timeout: 50_000, cwd };
    execFile(process.execPath, [resolve('dist/cli.js'), ...args], options, (fault, stdout, stderr) =>
      done({ code: typeof fault?.code === 'number' ? fault.code : fault ? -1 : 0, stdout, stderr }),
    );
  });
}
