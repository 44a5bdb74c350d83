import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT, start, stop } from './processes.mjs';

/** Simulated products in a process of their own; resolves when the server knows all of them. */
export async function startFleetProcess(options) {
  const child = start(
    process.execPath,
    ['--max-old-space-size=4096', join(ROOT, 'bench', 'support', 'fleet-process.mjs'), JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('The fleet ended.');
    return JSON.parse(value);
  };
  await read();
  return {
    child,
    /** What the products have seen so far; `at` by the clock of this machine. */
    counters: () => {
      child.stdin.write('\n');
      return read();
    },
    stop: () => stop(child),
  };
}
