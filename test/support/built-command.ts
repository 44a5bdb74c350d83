import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Where {
  cwd?: string;
  /** A file for standard output, in place of `Result.stdout`. */
  stdout?: string;
}

/** Runs a command of the built program to its end. */
export async function haishin(args: string[], env: Record<string, string> = {}, where: Where = {}): Promise<Result> {
  const file = where.stdout === undefined ? undefined : openSync(where.stdout, 'w');
  const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    cwd: where.cwd ?? process.cwd(),
    timeout: 50_000,
    stdio: ['ignore', file ?? 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    child.stdout === null ? '' : text(child.stdout),
    text(child.stderr as NonNullable<typeof child.stderr>),
  ]);
  if (file !== undefined) closeSync(file);
  return { code: code ?? -1, stdout, stderr };
}
