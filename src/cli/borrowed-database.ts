import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { entities } from '../app.entities.js';
import type { Config } from '../config/config.js';
import { connectDataSource, createDataSource } from '../database/data-source.js';
import { findRunningEmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import { toAppError } from '../platform/errors/app-error.js';
import type { Logger } from '../platform/logging/logger.js';
import { embeddedDirectory, startEmbedded } from '../server/embedded.js';

/** A server that starts at the same moment has the lock a while before its PostgreSQL can be found. */
const START_MILLISECONDS = 15_000;

export interface BorrowedDatabase {
  url: string;
  dataSource: DataSource;
}

/**
 * Gives the work a connection to the server's database, beside a running server and without one: the embedded PostgreSQL is started
 * for it alone and given back at once, for a server may be wanted meanwhile. The schema is left as it is.
 */
export async function withDatabase<T>(
  config: Config,
  logger: Logger,
  work: (database: BorrowedDatabase) => Promise<T>,
): Promise<T> {
  const { url, giveBack } =
    config.databaseUrl === undefined
      ? await borrowEmbedded(config, logger)
      : { url: config.databaseUrl, giveBack: () => Promise.resolve() };
  try {
    const dataSource = createDataSource({ url, poolSize: 1, entities, logger, applicationName: 'haishin-command' });
    await connectDataSource(dataSource);
    return await work({ url, dataSource }).finally(() => dataSource.destroy());
  } finally {
    await giveBack();
  }
}

async function borrowEmbedded(config: Config, logger: Logger): Promise<{ url: string; giveBack: () => Promise<void> }> {
  const dataDir = embeddedDirectory(config);
  const deadline = performance.now() + START_MILLISECONDS;
  for (;;) {
    const running = await findRunningEmbeddedPostgres(dataDir);
    if (running !== undefined) return { url: running.url, giveBack: () => Promise.resolve() };
    try {
      const started = await startEmbedded(config, logger, { brief: true });
      return { url: started.url, giveBack: () => started.stop() };
    } catch (fault) {
      if (toAppError(fault).code !== 'data-directory-in-use' || performance.now() > deadline) throw fault;
    }
    await sleep(100);
  }
}
