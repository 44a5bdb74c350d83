// A first mirror beside aria2c fetching the same files in the same run, what it needs of memory, and a run without news.
//   node bench/mirror.mjs [--rounds 7] [--only time|memory|unchanged]
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../dist/database/embedded/embedded-postgres.js';
import { startSampleUpstream } from '../dist/sample-upstream/sample-server.js';
import { SampleTree } from '../dist/sample-upstream/sample-tree.js';
import { download, startHaishin, stopSchedule } from './support/haishin.mjs';
import { watchMemory } from './support/memory.mjs';
import { requirePrograms, run, stop, workDirectory } from './support/processes.mjs';
import { absoluteRow, measureRows, median, printReport } from './support/report.mjs';
import { startUpstream, writeAria2List } from './support/upstream.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, only: { type: 'string' } } });
requirePrograms('nginx', 'aria2c', 'unzip');

const rounds = Number(values.rounds);
const wanted = (id) => values.only === undefined || values.only === id;
const directory = workDirectory('mirror');
let counter = 0;
const freshDirectory = () => {
  const path = join(directory, `run-${counter++}`);
  mkdirSync(path);
  return path;
};

async function fetchWithAria2(list, andThen) {
  const dir = freshDirectory();
  const begin = performance.now();
  await run('aria2c', ['-j8', '-i', list, '-d', dir, '-q', '--no-conf', '--file-allocation=none']);
  await andThen?.(dir);
  const took = performance.now() - begin;
  // It syncs nothing: what it left to the kernel must not be written during the next one's turn. The directory stays until the end: ext4
  // is slow to make files for seconds after it has removed many.
  await run('sync', []);
  return took;
}

/** What Haishin does to files besides, with Debian's tools on both processors: hash each, test each archive, bring all to the disk. */
const hashTestAndSync = (dir) =>
  run('sh', [
    '-c',
    `cd "$1" && find . -type f -print0 | xargs -0 -P2 -n4 sha256sum &&
    find . -name '*.zip' -print0 | xargs -0 -P2 -n1 unzip -tqq && find . -type f -print0 | xargs -0 sync`,
    'sh',
    dir,
  ]);

/** One first mirror on a fresh server; `observe` sees the server before the order and gives what is to be returned at the end. */
async function firstMirror(upstream, { databaseUrl, observe } = {}) {
  const dataDir = freshDirectory();
  const server = await startHaishin({ dataDir, upstreamUrl: upstream.url, databaseUrl });
  try {
    await stopSchedule(server);
    const finish = observe?.(server);
    const result = await download(server, 'succeeded');
    const observed = finish?.();
    requireComplete(dataDir, upstream);
    return { ...result, observed };
  } finally {
    await server.stop();
    await run('sync', []);
  }
}

function requireComplete(dataDir, upstream) {
  const { files } = JSON.parse(readFileSync(join(dataDir, 'published', 'global', 'current', 'index.json'), 'utf8'));
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  const missing = upstream.files.filter(({ path, size }) => sizes.get(path) !== size);
  if (missing.length > 0) throw new Error(`Not mirrored: ${missing.map(({ path }) => path).join(', ')}`);
}

async function measureTime(upstream, name) {
  const list = join(directory, 'aria2.list');
  writeAria2List(list, upstream);
  const recorded = [];
  const contenders = {
    'aria2c -j8': () => fetchWithAria2(list),
    'aria2c, sha256sum, unzip -t, sync': () => fetchWithAria2(list, hashTestAndSync),
    haishin: async () => {
      const { wallMs, recordedMs } = await firstMirror(upstream);
      recorded.push(recordedMs);
      return wallMs;
    },
  };
  const [row] = await measureRows(
    [{ name, unit: 'ms', target: '<= 1.1; <= 0.8 of aria2c with the checks', contenders }],
    rounds,
  );
  // Without the warm-up, as in the row itself.
  const byRecord = recorded.slice(1);
  row.medians['haishin, started to finished'] = median(byRecord);
  row.ratios['haishin, started to finished'] = median(byRecord.map((ms, at) => ms / row.samples['aria2c -j8'][at]));
  row.samples['haishin, started to finished'] = byRecord;
  return row;
}

const watch = ({ child }) => {
  const memory = watchMemory(child.pid);
  return () => memory.stop();
};

async function measureMemory(upstream, name) {
  const postgres = await startEmbeddedPostgres({ dataDir: join(directory, `postgres-${counter++}`), logger: quiet });
  const samples = { 'server, DATABASE_URL': [], 'server and embedded database': [], 'the same, RSS added up': [] };
  try {
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      const databaseUrl = await freshDatabase(postgres.url, `bench_${round}`);
      const external = await firstMirror(upstream, { databaseUrl, observe: watch });
      const embedded = await firstMirror(upstream, { observe: watch });
      samples['server, DATABASE_URL'].push(external.observed.process);
      samples['server and embedded database'].push(embedded.observed.tree);
      samples['the same, RSS added up'].push(embedded.observed.treeResident);
    }
  } finally {
    await postgres.stop();
  }
  return absoluteRow({ name, unit: 'MB', target: '< 250 MB, with the embedded database < 400 MB' }, samples);
}

const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };

async function freshDatabase(url, name) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return url.replace(/\/[^/?]+\?/, `/${name}?`);
}

async function measureUnchanged() {
  const upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.05 }) });
  const dataDir = freshDirectory();
  const server = await startHaishin({ dataDir, upstreamUrl: upstream.url });
  const samples = { 'wall time': [], 'started to finished': [] };
  try {
    await stopSchedule(server);
    await download(server, 'succeeded');
    const before = inventory(dataDir);
    for (let round = 0; round < rounds; round++) {
      upstream.requests.length = 0;
      const { wallMs, recordedMs } = await download(server, 'unchanged');
      const asked = upstream.requests.map(({ path, status }) => `${path} ${status}`).join(', ');
      if (asked !== '/activeupdate/server.ini 304') throw new Error(`Asked without need: ${asked}`);
      samples['wall time'].push(wallMs);
      samples['started to finished'].push(recordedMs);
    }
    if (inventory(dataDir) !== before) throw new Error('Something was written although nothing was new.');
  } finally {
    await server.stop();
    await upstream.close();
  }
  const name = 'nothing new: one conditional request, nothing written below blobs/, published/, incoming/, partial/';
  return absoluteRow({ name, unit: 'ms' }, samples);
}

/** Every path with its inode, size and times: any write shows. */
function inventory(dataDir) {
  const lines = [];
  for (const top of ['blobs', 'published', 'incoming', 'partial'])
    for (const entry of ['', ...readdirSync(join(dataDir, top), { recursive: true }).sort()]) {
      const { ino, size, mtimeNs, ctimeNs } = statSync(join(dataDir, top, entry), { bigint: true });
      lines.push(`${top}/${entry} ${ino} ${size} ${mtimeNs} ${ctimeNs}`);
    }
  return lines.join('\n');
}

const describe = ({ files, bytes }) => `${files.length} files with signatures, ${(bytes / 1e6).toFixed(0)} MB`;
const results = [];
const realistic = await startUpstream(join(directory, 'upstream'), { scale: 1 });
if (wanted('time')) {
  results.push(await measureTime(realistic, `first mirror: ${describe(realistic)}`));
  // What the check of compressed archives costs shows beside the same tree with archives that were only stored.
  const stored = await startUpstream(join(directory, 'upstream-stored'), { scale: 1, compressed: false });
  results.push(await measureTime(stored, `first mirror, archives not compressed: ${describe(stored)}`));
  await stop(stored.child);
}
if (wanted('memory')) results.push(await measureMemory(realistic, `peak memory: ${describe(realistic)}`));
await stop(realistic.child);
if (wanted('memory')) {
  const doubled = await startUpstream(join(directory, 'upstream-2'), { scale: 2 });
  results.push(await measureMemory(doubled, `peak memory: ${describe(doubled)}`));
  await stop(doubled.child);
}
if (wanted('unchanged')) results.push(await measureUnchanged());
printReport('mirror', results);
