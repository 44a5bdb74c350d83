// A poll of a product that has nothing to do, its token checked, beside an empty route of the same application.
//   node bench/agents/poll.mjs [--rounds 7] [--agents 1000]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDatabase } from '../support/database.mjs';
import { firstLine, requirePrograms, ROOT, run, start, stop, workDirectory } from '../support/processes.mjs';
import { readFileSync } from 'node:fs';
import { measureRows, printReport } from '../support/report.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, agents: { type: 'string', default: '1000' } },
});
requirePrograms('wrk');

const directory = workDirectory('poll');
const database = await startDatabase(directory);
const settings = JSON.stringify({ dataDir: join(directory, 'data'), databaseUrl: database.url });
const child = start(process.execPath, [join(ROOT, 'bench', 'support', 'agent-server.mjs'), settings]);
const { url } = JSON.parse(await firstLine(child));
const { token } = JSON.parse(readFileSync(join(directory, 'data', 'run', 'server.json'), 'utf8'));

/** Registered products that have told all about themselves: a poll finds nothing to do. */
async function register(count) {
  const names = Array.from({ length: count }, (_, index) => `bench-${index}`);
  const made = [];
  for (let at = 0; at < names.length; at += 1000) {
    const answer = await fetch(`${url}/api/v1/agents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(names.slice(at, at + 1000).map((controllerId) => ({ controllerId }))),
    });
    if (answer.status !== 201) throw new Error(`registration: ${answer.status} ${await answer.text()}`);
    const body = await answer.json();
    made.push(...(body.items ?? body));
  }
  for (const { controllerId, securityToken } of made) {
    const answer = await fetch(`${url}/DEFAULT/controller/v1/${controllerId}/configData`, {
      method: 'PUT',
      headers: { authorization: `TargetToken ${securityToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ mode: 'merge', data: { product: 'bench', version: '1' } }),
    });
    if (!answer.ok) throw new Error(`configData: ${answer.status}`);
  }
  return made;
}

const agents = await register(Number(values.agents));
const script = join(directory, 'poll.lua');
const rows = agents.map(
  ({ controllerId, securityToken }) =>
    `wrk.format("GET", "/DEFAULT/controller/v1/${controllerId}", {["Authorization"]="TargetToken ${securityToken}"})`,
);
// Requests are made once: formatting them would cost the load generator more than the answer costs the server.
writeFileSync(
  script,
  `local requests
init = function() requests = {\n${rows.join(',\n')}\n} end
local at = 0
request = function() at = at % #requests + 1 return requests[at] end
`,
);

async function wrk(...args) {
  const output = await run('wrk', ['-c64', '-t2', '-d2s', ...args]);
  if (/Non-2xx or 3xx|Socket errors/.test(output)) throw new Error(output);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]);
}

const results = await measureRows(
  [
    {
      name: `poll with nothing to do, ${agents.length} products, 64 connections`,
      unit: 'polls/s',
      target: '0.5, 5000/s',
      contenders: {
        'empty route': () => wrk(`${url}/bench/empty`),
        poll: () => wrk('-s', script, url),
      },
    },
  ],
  Number(values.rounds),
);
await stop(child);
await database.stop();
printReport('agents: poll', results);
