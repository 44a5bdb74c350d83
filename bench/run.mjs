// Every bench one after the other, then all figures in one table and in bench/.work/results.json.
//   npm run bench [-- --only serve,mirror] [-- --rounds 3]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './support/processes.mjs';

const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' } } });
const directory = join(ROOT, 'bench');
const names = ['', 'agents/']
  .flatMap((folder) => readdirSync(join(directory, folder)).map((name) => folder + name))
  .filter((name) => name.endsWith('.mjs') && name !== 'run.mjs')
  .map((name) => name.slice(0, -'.mjs'.length))
  .filter((name) => values.only === undefined || values.only.split(',').includes(name))
  .sort();

/** A bench prints its figures for people; those that fit into the table also as one line of JSON at the end. */
async function runBench(name) {
  const program = join(directory, `${name}.mjs`);
  const hasRounds = readFileSync(program, 'utf8').includes('rounds: {');
  const args = hasRounds && values.rounds !== undefined ? ['--rounds', values.rounds] : [];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const loadBefore = loadavg()[0];
  const [code] = await once(child, 'close');
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const isJson = last.startsWith('{"bench"');
  process.stdout.write(`${isJson ? output.trimEnd().slice(0, -last.length) : output}\n`);
  if (code !== 0) return { bench: name, failed: code ?? 'killed', loadBefore };
  return { ...(isJson ? JSON.parse(last) : { output }), bench: name, loadBefore };
}

const reports = [];
for (const name of names) reports.push(await runBench(name));
mkdirSync(join(directory, '.work'), { recursive: true });
const file = join(directory, '.work', 'results.json');
writeFileSync(file, JSON.stringify({ at: new Date().toISOString(), reports }, null, 1));

console.log('summary');
for (const { bench, failed, results = [] } of reports) {
  if (failed === undefined && results.length === 0) console.log(`  ${bench.padEnd(15)} see above`);
  if (failed !== undefined) console.log(`  ${bench.padEnd(15)} FAILED (${failed})`);
  for (const { name, unit, target, peer, medians, ratios } of results)
    for (const [key, value] of Object.entries(medians)) {
      if (key === peer) continue;
      const ratio = ratios[key] === undefined ? '' : `${ratios[key].toFixed(2)} of ${peer}`;
      const figure = `${value.toFixed(0).padStart(8)} ${unit.padEnd(8)} ${ratio}`;
      console.log(`  ${bench.padEnd(15)} ${name} · ${key}: ${figure} [${target ?? '–'}]`);
    }
}
console.log(`\nAll samples: ${file}`);
if (reports.some(({ failed }) => failed !== undefined)) process.exitCode = 1;
