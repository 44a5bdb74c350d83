// One deployment to products that hold a poll: when the last one has its answer, and when the last one has fetched the order,
// beside pgbench doing the same writes on the same database.
//   node bench/agents/fan-out.mjs [--agents 10000] [--rounds 3] [--kill-node]
// --kill-node: a second node runs on the same database and dies just before the order is given.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startDatabase } from '../support/database.mjs';
import { startFleetProcess } from '../support/fleet.mjs';
import { firstLine, requirePrograms, ROOT, start, stop, workDirectory } from '../support/processes.mjs';
import { median, printReport } from '../support/report.mjs';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    'kill-node': { type: 'boolean', default: false },
  },
});
const AGENTS = Number(values.agents);
const ROUNDS = Number(values.rounds);
const COMPONENT = 'bench-rules';
requirePrograms('pgbench');

const directory = workDirectory('fan-out');
const database = await startDatabase(directory);
const settings = JSON.stringify({ dataDir: join(directory, 'data'), databaseUrl: database.url });
const child = start(process.execPath, [join(ROOT, 'bench', 'support', 'agent-server.mjs'), settings]);
const { url } = JSON.parse(await firstLine(child));
const { token } = JSON.parse(readFileSync(join(directory, 'data', 'run', 'server.json'), 'utf8'));

async function api(method, path, body) {
  const json = body !== undefined && !(body instanceof FormData);
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(json ? { 'content-type': 'application/json' } : {}) },
    ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function upload(version) {
  const form = new FormData();
  form.set('version', String(version));
  form.set('file', new Blob([`rules ${version} ${randomUUID()}`]), `rules-${version}.bin`);
  await api('POST', `/components/${COMPONENT}/releases`, form);
}

await api('POST', '/components', { id: COMPONENT, names: { ja: COMPONENT, en: COMPONENT }, kind: 'pattern' });
// Work takes longer than the measurement and tells no steps: what is measured is the telling.
const behaviour = { workMilliseconds: 3_600_000, downloads: false, waitSeconds: 120, progress: false };
const samples = { pgbench: [], answered: [], delivered: [], fetched: [], seconds: [] };
for (let round = 1; round <= ROUNDS; round += 1) {
  await upload(round);
  // A group of its own: products of the round before are gone, and would only wait.
  const { id: group } = await api('POST', '/agent-groups', { name: `round ${round}` });
  const wanted = { name: `round ${round}`, kind: 'gateway', group };
  const { token: gatewayToken } = await api('POST', '/enrolment-tokens', wanted);
  const fleet = await startFleetProcess({
    baseUrl: url,
    gatewayToken,
    agents: AGENTS,
    prefix: `r${round}-`,
    startPerSecond: 1000,
    behaviour,
  });
  await until(async () => (await fleet.counters()).held === AGENTS);
  if (values['kill-node']) await killAnotherNode();
  const before = await fleet.counters();
  const begin = performance.now();
  const { commandId } = await api('POST', '/deployments', { components: [COMPONENT], targets: { groups: [group] } });
  let answered = null;
  await until(async () => {
    const { held, started } = await fleet.counters();
    if (held === 0) answered ??= performance.now() - begin;
    return started - before.started === AGENTS;
  });
  const fetched = performance.now() - begin;
  const recorded = await deliveredMs(commandId);
  samples.seconds.push((answered ?? fetched) / 1000);
  samples.answered.push(AGENTS / ((answered ?? fetched) / 1000));
  samples.fetched.push(AGENTS / (fetched / 1000));
  samples.delivered.push(AGENTS / (recorded / 1000));
  samples.pgbench.push(await sameWrites(commandId));
  console.error(
    `round ${round}: answered ${((answered ?? fetched) / 1000).toFixed(2)} s, delivered ${(recorded / 1000).toFixed(2)} s, all products have it ${(fetched / 1000).toFixed(2)} s`,
  );
  await fleet.stop();
  await api('POST', `/commands/${commandId}/cancel`);
}

async function killAnotherNode() {
  const other = JSON.stringify({ dataDir: join(directory, 'other'), databaseUrl: database.url });
  const node = start(process.execPath, [join(ROOT, 'bench', 'support', 'agent-server.mjs'), other]);
  await firstLine(node);
  node.kill('SIGKILL');
}

/** From the order to the last delivery, by the server's own record: the simulated products share its processors. */
async function deliveredMs(commandId) {
  const [{ ms }] = await database.query(
    `select extract(epoch from max(t.delivered_at) - min(c.issued_at))::float8 * 1000 as ms
     from command c join command_target t on t.month = c.month and t.command_seq = c.seq where c.id = $1`,
    [commandId],
  );
  return ms;
}

/** What is written for each product that fetches the order: its target's state with the tally that follows it, and the push. */
async function sameWrites(commandId) {
  const [{ seq, month }] = await database.query(
    `select seq, to_char(month, 'YYYY-MM-DD') as month from command where id = $1`,
    [commandId],
  );
  await database.query(`drop table if exists bench_target`);
  await database.query(
    `create table bench_target as select row_number() over (order by controller_id)::int as n, controller_id
     from command_target where command_seq = $1 and month = $2`,
    [seq, month],
  );
  await database.query(`alter table bench_target add primary key (n)`);
  const script = `\\set n random(1, ${AGENTS})
begin;
update agent set pushed_at = now() where controller_id = (select controller_id from bench_target where n = :n)
  and own_schedule = 'on';
update command_target set state = case when state = 'delivered' then 'downloading' else 'delivered' end, since = now(),
  delivered_at = now(), progress_at = now()
where month = '${month}' and command_seq = ${seq} and controller_id = (select controller_id from bench_target where n = :n);
end;
`;
  return database.pgbench(script, { clients: 10, transactions: AGENTS });
}

async function until(condition) {
  const deadline = performance.now() + 300_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('It took too long.');
    await delay(20);
  }
}

await stop(child);
await database.stop();
const keys = ['pgbench', 'answered', 'delivered', 'fetched'];
const ratio = (key) => median(samples[key].map((value, at) => value / samples.pgbench[at]));
const medians = Object.fromEntries(keys.map((key) => [key, median(samples[key])]));
const ratios = { answered: ratio('answered'), delivered: ratio('delivered'), fetched: ratio('fetched') };
const last = median(samples.seconds).toFixed(2);
printReport('agents: fan-out', [
  {
    name: `one deployment to ${AGENTS} held polls; the last is answered after ${last} s (target < 5 s)`,
    unit: 'per s',
    target: '0.5',
    peer: 'pgbench',
    medians,
    ratios,
    samples,
  },
]);
