import { DataSource, type EntitySchema, type MixedList } from 'typeorm';

import { BoundedClient } from './bounded-client.js';
import { toDatabaseError } from './database.errors.js';
import type { DatabaseLogger } from './database.logger.js';
import { SqlLogger } from './sql.logger.js';

export interface DataSourceOptions {
  /** `postgresql://user:password@host:port/database`, or `postgresql://user@/database?host=/directory` for a unix socket. */
  url: string;
  /** Most connections this process opens at once. */
  poolSize: number;
  entities: MixedList<(new () => object) | EntitySchema>;
  logger: DatabaseLogger;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** A statement that runs longer is cancelled by the server (57014). */
  statementTimeoutMilliseconds?: number;
  /** Silence of the server for this long after that time breaks the connection; default 5,000. */
  graceMilliseconds?: number;
  /** An idle pooled connection broke: the server went away. */
  onPoolError?: (error: Error) => void;
  /** A statement failed, for whatever reason. */
  onStatementFault?: (fault: unknown) => void;
}

/** Builds, but does not connect, the TypeORM data source. The schema comes from migrations only. */
export function createDataSource(options: DataSourceOptions): DataSource {
  const { logger, onPoolError, onStatementFault } = options;
  const statementTimeout = options.statementTimeoutMilliseconds ?? 30_000;
  const dataSource: DataSource = new DataSource({
    type: 'postgres',
    entities: options.entities,
    synchronize: false,
    installExtensions: false,
    poolSize: options.poolSize,
    applicationName: options.applicationName ?? 'haishin',
    connectTimeoutMS: 5_000,
    logger: new SqlLogger(logger, onStatementFault),
    maxQueryExecutionTime: 1_000,
    poolErrorHandler: (error: Error) => {
      // The last words of connections that we have just let go.
      if (!dataSource.isInitialized) return;
      logger.warn({ err: error }, 'a pooled database connection broke');
      onPoolError?.(error);
    },
    extra: {
      // Given to pg itself: TypeORM's own reading of a URL knows no unix sockets.
      connectionString: options.url,
      Client: BoundedClient,
      statement_timeout: statementTimeout,
      // Later than the server's own word, which comes as long as the server lives.
      query_timeout: statementTimeout + (options.graceMilliseconds ?? 5_000),
      lock_timeout: 10_000,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
      // A line that was cut without a word is found while nothing is asked on it, too.
      keepAliveInitialDelayMillis: 10_000,
      idleTimeoutMillis: 60_000,
    },
  });
  return dataSource;
}

/**
 * Connects. Throws AppError `database-unavailable` (may pass: try again) or `database-refused` (a person must act).
 */
export async function connectDataSource(dataSource: DataSource): Promise<void> {
  try {
    await dataSource.initialize();
  } catch (error) {
    throw toDatabaseError(error);
  }
}
