// Pages of command tracking with many commands and targets, beside the same with few: they must not grow.
//   node bench/agents/tracking.mjs [--commands 100000] [--targets 10] [--small 10000] [--requests 300]
// The row of the quality plan is --commands 1000000 --targets 10.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDatabase } from '../support/database.mjs';
import { startHaishin } from '../support/haishin.mjs';
import { workDirectory } from '../support/processes.mjs';
import { printReport } from '../support/report.mjs';

const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '100000' },
    targets: { type: 'string', default: '10' },
    small: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '300' },
  },
});
const TARGETS = Number(values.targets);
const REQUESTS = Number(values.requests);

const directory = workDirectory('tracking');
const database = await startDatabase(directory);
const haishin = await startHaishin({ dataDir: join(directory, 'data'), databaseUrl: database.url });
const { token } = JSON.parse(readFileSync(join(directory, 'data', 'run', 'server.json'), 'utf8'));

/** Ended commands of the last months, in one statement for each table; indexes are maintained, so it takes its time. */
async function fill(from, to) {
  await database.query(
    `select ensure_command_month((date_trunc('month', now()) - make_interval(months => m))::date) from generate_series(0, 11) m`,
  );
  await database.query(
    `insert into command (id, month, type, origin, issued_at, issued_by, parameters, components, tries, retry_minutes,
       expires_at, ended_at, counts, search)
     select gen_random_uuid(), date_trunc('month', at)::date, 'deploy', 'person', at, 'person ' || n % 20, '{}',
       array['virus-pattern'], 3, 30, at + interval '1 day', at + interval '1 hour',
       jsonb_build_object('succeeded', $3::int - 1, 'failed', 1), to_tsvector('simple', 'virus-pattern person')
     from (select n, now() - make_interval(secs => n * 25) as at from generate_series($1::int, $2::int) n) generated`,
    [from, to, TARGETS],
  );
  await database.query(`alter table command_target disable trigger user`);
  await database.query(
    `insert into command_target (month, command_seq, controller_id, state, since, progress_at, expires_at, ended_at, components)
     select c.month, c.seq, 'bench-' || t, case when t = 1 then 'failed' else 'succeeded' end, c.ended_at, c.ended_at,
       c.expires_at, c.ended_at, c.components
     from command c cross join generate_series(1, $1::int) t
     where not exists (select 1 from command_target x where x.month = c.month and x.command_seq = c.seq)`,
    [TARGETS],
  );
  await database.query(`alter table command_target enable trigger user`);
  await database.query(
    `insert into command_component (component_id, issued_at, command_seq)
     select 'virus-pattern', issued_at, seq from command on conflict do nothing`,
  );
  await database.query(`vacuum analyze`);
}

async function get(path) {
  const begin = performance.now();
  const answer = await fetch(`${haishin.url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body)}`);
  return { ms: performance.now() - begin, body };
}

function p95(samples) {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length * 0.95)];
}

/** A cursor far into the list, made by walking to it once. */
async function deepCursor(query, pages) {
  let next = null;
  for (let page = 0; page < pages; page += 1) {
    ({ next } = (await get(`/commands?limit=500${query}${next === null ? '' : `&cursor=${next}`}`)).body);
    if (next === null) throw new Error('the list ended early');
  }
  return next;
}

async function measure(commands) {
  const pages = Math.min(200, Math.floor((commands * 0.8) / 500));
  const deep = await deepCursor('', pages);
  const [middle] = (await get(`/commands?limit=1&cursor=${deep}`)).body.items;
  const views = {
    'first page': '/commands',
    'deep page': `/commands?cursor=${deep}`,
    'one state': '/commands?state=failed',
    'one issuer': `/commands?issuedBy=${encodeURIComponent('person 7')}`,
    'one component': '/commands?component=virus-pattern',
    'one product': '/commands?agent=bench-1',
    'targets of one': `/commands/${middle.id}/targets?state=failed`,
  };
  const found = {};
  for (const [name, path] of Object.entries(views)) {
    await get(path);
    const samples = [];
    for (let i = 0; i < REQUESTS; i += 1) samples.push((await get(path)).ms);
    found[name] = p95(samples);
  }
  return found;
}

const small = Number(values.small);
const large = Number(values.commands);
await fill(1, small);
const before = await measure(small);
console.error(`filling to ${large} commands, ${large * TARGETS} targets ...`);
await fill(small + 1, large);
const after = await measure(large);
await haishin.stop();
await database.stop();
const few = `${small} commands`;
const many = `${large} commands`;
printReport(
  'agents: tracking',
  Object.keys(after).map((name) => ({
    name: `command tracking, ${name}: p95 of ${REQUESTS} requests, ${large * TARGETS} targets`,
    unit: 'ms',
    target: '50 ms, flat',
    peer: few,
    medians: { [few]: before[name], [many]: after[name] },
    ratios: { [many]: after[name] / before[name] },
    samples: { [few]: [before[name]], [many]: [after[name]] },
  })),
);
