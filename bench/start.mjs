// From the start of the process to its line `listening …`, with the embedded database: in a fresh directory, and again in the same one.
//   node bench/start.mjs [--rounds 7]
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startHaishin } from './support/haishin.mjs';
import { workDirectory } from './support/processes.mjs';
import { absoluteRow, printReport } from './support/report.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
const directory = workDirectory('start');

async function listeningMs(dataDir) {
  const server = await startHaishin({ dataDir });
  await server.stop();
  return server.listeningMs;
}

const fresh = [];
const again = [];
// The first round brings the program into the page cache and does not count.
for (let round = 0; round <= Number(values.rounds); round++) {
  const dataDir = join(directory, String(round));
  mkdirSync(dataDir);
  const first = await listeningMs(dataDir);
  const second = await listeningMs(dataDir);
  rmSync(dataDir, { recursive: true });
  if (round === 0) continue;
  fresh.push(first);
  again.push(second);
}
printReport('start', [
  absoluteRow({ name: 'fresh directory', unit: 'ms', target: '< 3000' }, { 'to listening': fresh }),
  absoluteRow({ name: 'again', unit: 'ms', target: '< 1500' }, { 'to listening': again }),
]);
