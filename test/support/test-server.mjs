import './typescript-hooks.mjs';

import { join } from 'node:path';

import pg from 'pg';

const { startEmbeddedPostgres } = await import('../../src/database/embedded/embedded-postgres.ts');
const { findPostmaster } = await import('../../src/database/embedded/postmaster-file.ts');
const { signalProcess, waitForExit } = await import('../../src/database/embedded/process-identity.ts');
const { migrate } = await import('../../src/database/migrator.ts');

/** Below the directory of the run. */
const DATABASE = 'pg';
/** Only what goes wrong is worth a line in a test run. */
const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };

/** The server given by TEST_DATABASE_URL, else the embedded one; with a migrated template, told by process.env. */
export async function startTestServer(directory) {
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startEmbedded(directory);
  const template = `haishin_template_${process.pid}`;
  try {
    await run(server.url, `CREATE DATABASE ${template}`);
    await migrate({ url: withDatabase(server.url, template), logger });
  } catch (error) {
    await server.stop();
    throw error;
  }
  process.env.HAISHIN_TEST_DATABASE_ADMIN_URL = server.url;
  process.env.HAISHIN_TEST_DATABASE_TEMPLATE = template;
  return {
    async stop() {
      try {
        if (given) await dropAll(given, template);
      } finally {
        await server.stop();
      }
    },
  };
}

function startEmbedded(directory) {
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' };
  return startEmbeddedPostgres({ dataDir: join(directory, DATABASE), logger, settings });
}

/** Nothing in it is worth keeping. */
export async function killTestServerIn(directory) {
  const orphan = await findPostmaster(join(directory, DATABASE, 'cluster'));
  if (orphan && (await signalProcess(orphan.process, 'SIGKILL'))) await waitForExit(orphan.process, 5_000);
}

async function dropAll(url, template) {
  const { rows } = await run(url, `SELECT datname FROM pg_database WHERE datname LIKE 'haishin_test_${process.pid}_%'`);
  for (const name of [...rows.map((row) => row.datname), template])
    await run(url, `DROP DATABASE IF EXISTS ${name} (FORCE)`);
}

async function run(url, sql) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** URLs of unix sockets have no host, which the URL class does not take. */
function withDatabase(url, database) {
  return url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${database}`);
}
