// How fast the update source serves, beside nginx with the same files in the same run.
//   node bench/serve.mjs [--rounds 7] [--only http|https|polls]
import { createHash, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureServerCertificate, keyPairFiles } from '../dist/platform/tls/server-certificate.js';
import { measurePolls, measureTransfer } from './support/load.mjs';
import { startNginx } from './support/nginx.mjs';
import { firstLine, requirePrograms, ROOT, start, stop, workDirectory } from './support/processes.mjs';
import { measureRows, printReport } from './support/report.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, only: { type: 'string' } } });
requirePrograms('nginx', 'wrk', 'curl');

const PATTERN = 'pattern/vsapi241.zip';
const PATTERN_BYTES = 64_813_753;
const MANIFEST_BYTES = 20_000;

/** One published snapshot; nginx serves the same inodes through its tree. */
function publish(dataDir) {
  const snapshot = join(dataDir, 'published', 'global', 'bench');
  const files = Object.entries({
    'server.ini': randomBytes(MANIFEST_BYTES),
    [PATTERN]: randomBytes(PATTERN_BYTES),
  }).map(([path, content]) => {
    const sha256 = createHash('sha256').update(content).digest('hex');
    const blob = join(dataDir, 'blobs', sha256.slice(0, 2), sha256);
    const linked = join(snapshot, 'tree', path);
    for (const file of [blob, linked]) mkdirSync(dirname(file), { recursive: true });
    writeFileSync(blob, content);
    linkSync(blob, linked);
    return { path, sha256, size: content.length, mtime: new Date().toISOString(), component: null };
  });
  const publishedAt = new Date().toISOString();
  writeFileSync(
    join(snapshot, 'index.json'),
    JSON.stringify({ version: 1, snapshot: 'bench', channel: 'global', publishedAt, files }),
  );
  symlinkSync('bench', join(dataDir, 'published', 'global', 'current'));
  return join(snapshot, 'tree');
}

const directory = workDirectory('serve');
const root = publish(directory);
const place = { dir: join(directory, 'tls') };
await ensureServerCertificate(place);
const { certFile, keyFile } = keyPairFiles(place);

async function startSource(workers) {
  const settings = JSON.stringify({ dataDir: directory, certFile, keyFile, workers });
  const child = start(process.execPath, [join(ROOT, 'bench', 'support', 'source-process.mjs'), settings]);
  return { child, ...JSON.parse(await firstLine(child)) };
}

const nginx = await startNginx({ directory, root, certFile, keyFile });
const one = await startSource(0);
const two = await startSource(2);

const transfer = (base) => () =>
  measureTransfer(`${base}/${PATTERN}`, { connections: 4, each: 8, bytes: PATTERN_BYTES, caFile: certFile });
const polls = (base) => () => measurePolls(`${base}/server.ini`, { connections: 64, seconds: 2 });
const contenders = (measure, scheme) => ({
  nginx: measure(nginx[scheme]),
  haishin: measure(`${one[scheme]}/activeupdate`),
  'haishin --workers 2': measure(`${two[scheme]}/activeupdate`),
});
const rows = [
  {
    id: 'http',
    name: '65 MB pattern, HTTP, 4 connections',
    unit: 'MB/s',
    target: '0.95',
    contenders: contenders(transfer, 'httpUrl'),
  },
  {
    id: 'https',
    name: '65 MB pattern, HTTPS, 4 connections',
    unit: 'MB/s',
    target: '1.0',
    contenders: contenders(transfer, 'httpsUrl'),
  },
  {
    id: 'polls',
    name: 'manifest 304, 64 connections',
    unit: 'polls/s',
    target: '0.6',
    contenders: contenders(polls, 'httpUrl'),
  },
].filter(({ id }) => values.only === undefined || values.only === id);

const results = await measureRows(rows, Number(values.rounds));
await Promise.all([nginx, one, two].map(({ child }) => stop(child)));
printReport('serve', results);
