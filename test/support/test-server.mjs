import './typescript-hooks.mjs';

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

const { startEmbeddedPostgres } = await import('../../src/database/embedded/embedded-postgres.ts');
const { findPostmaster } = await import('../../src/database/embedded/postmaster-file.ts');
const { signalProcess, waitForExit } = await import('../../src/database/embedded/process-identity.ts');
const { migrate } = await import('../../src/database/migrator.ts');

const PREFIX = 'haishin-test-';
/** Only what goes wrong is worth a line in a test run. */
const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };

/** The server given by TEST_DATABASE_URL, else the embedded one; with a migrated template, told by process.env. */
export async function startTestServer() {
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startEmbedded();
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

async function startEmbedded() {
  await sweepLeftovers();
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  await chmod(directory, 0o755);
  const dataDir = join(directory, 'pg');
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' };
  const server = await startEmbeddedPostgres({ dataDir, logger, settings });
  const stop = async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  // jest runs no teardown when it is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void stop().finally(() => process.kill(process.pid, signal)));
  return { url: server.url, stop };
}

/** Directories, and perhaps servers, of runs that were killed outright. */
async function sweepLeftovers() {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    const directory = join(tmpdir(), name);
    const orphan = await findPostmaster(join(directory, 'pg', 'cluster'));
    // Nothing in it is worth keeping.
    if (orphan && (await signalProcess(orphan.process, 'SIGKILL'))) await waitForExit(orphan.process, 5_000);
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

function isAlive(pid) {
  try {
    readFileSync(`/proc/${pid}/stat`);
    return true;
  } catch {
    return false;
  }
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
