import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/database/embedded/embedded-postgres.js';
import { run } from './processes.mjs';

const silent = { debug: () => {}, info: () => {}, warn: console.error, error: console.error };

/** A PostgreSQL of this run, with the settings that Haishin gives its own. */
export async function startDatabase(directory) {
  const embedded = await startEmbeddedPostgres({ dataDir: join(directory, 'postgres'), logger: silent });
  return {
    url: embedded.url,
    query: async (sql, values = []) => {
      const client = new pg.Client({ connectionString: embedded.url, statement_timeout: 0 });
      await client.connect();
      try {
        return (await client.query(sql, values)).rows;
      } finally {
        await client.end();
      }
    },
    /** Runs `script` so often in all, over so many connections; transactions per second without connecting. */
    pgbench: async (script, { clients, transactions, scale = 1 }) => {
      const { host, port, user, database } = embedded.connectionOptions;
      const file = join(directory, 'pgbench.sql');
      writeFileSync(file, script);
      const each = Math.ceil(transactions / clients);
      const output = await run('pgbench', [
        ...['-h', host, '-p', String(port), '-U', user, '-n', '-M', 'prepared', '-s', String(scale)],
        ...['-c', String(clients), '-j', '2', '-t', String(each), '-f', file, database],
      ]);
      return Number(/tps = ([\d.]+)/.exec(output)[1]);
    },
    stop: () => embedded.stop(),
  };
}
