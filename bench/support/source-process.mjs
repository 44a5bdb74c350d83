// The update source alone, from dist/: what `serve` runs for content, without database and API.
// Argument: JSON { dataDir, certFile, keyFile, workers }. Prints { httpUrl, httpsUrl } when it listens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { forkContentWorkers } from '../../dist/mirror/source/content-worker-pool.js';
import { PublishedTree } from '../../dist/mirror/source/published-tree.js';
import { ServingCounters } from '../../dist/mirror/source/serving-counters.js';
import { createUpdateSource } from '../../dist/mirror/source/update-source.handler.js';
import { startListeners } from '../../dist/platform/http/listeners.js';

const { dataDir, certFile, keyFile, workers } = JSON.parse(process.argv[2]);
const logger = { info: () => {}, warn: console.error, error: console.error };
const address = { host: '127.0.0.1', httpPort: 0, httpsPort: 0 };

async function single() {
  const tree = new PublishedTree(dataDir, logger);
  await tree.start();
  const source = createUpdateSource({ tree, logger, metrics: new ServingCounters() });
  const handler = (req, res) => {
    if (!source(req, res)) res.writeHead(404).end();
  };
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const listeners = await startListeners({ ...address, handler, tls });
  return { ...listeners, stop: () => listeners.close(0) };
}

async function clustered() {
  const apiSocket = join(dataDir, `api-${process.pid}.sock`);
  const api = createServer((_req, res) => res.writeHead(404).end()).listen(apiSocket);
  const pool = await forkContentWorkers({
    count: workers,
    settings: { ...address, dataDir, tls: { certFile, keyFile }, apiSocket, logLevel: 'error' },
    defaultChannel: 'japan',
    logger,
    onReport: () => {},
  });
  return { httpUrl: pool.httpUrl, httpsUrl: pool.httpsUrl, stop: async () => (await pool.stop(0), api.close()) };
}

const server = workers > 0 ? await clustered() : await single();
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
console.log(JSON.stringify({ httpUrl: server.httpUrl, httpsUrl: server.httpsUrl }));
