import type { DataSource } from 'typeorm';
import { entities } from '../app.entities.js';
import type { Config } from '../config/config.js';
import { isDatabaseWide } from '../database/database.errors.js';
import { connectDataSource, createDataSource } from '../database/data-source.js';
import type { EmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import { migrate } from '../database/migrator.js';
import { NotificationBus } from '../database/notify.js';
import { AppError } from '../platform/errors/app-error.js';
import type { Logger } from '../platform/logging/logger.js';
import { startEmbedded } from './embedded.js';

const POOL_SIZE = 20;

export interface Database {
  url: string;
  dataSource: DataSource;
  /** Started; wakes other nodes. */
  bus: NotificationBus;
  /** Null when the administrator runs the database. */
  embedded: EmbeddedPostgres | null;
  close(): Promise<void>;
}

/**
 * Starts or finds the database, brings its schema up to date and connects.
 * @param onTrouble told of faults that say something of the whole database
 * @param starting the embedded one, when its start has begun already
 * @param onLost told when another process took the data directory, of one that is started here
 * @throws AppError `database-unavailable` when it may come later; everything else needs a person.
 */
export async function openDatabase(
  config: Config,
  logger: Logger,
  onTrouble: (fault: unknown) => void,
  starting?: Promise<EmbeddedPostgres>,
  onLost?: () => void,
): Promise<Database> {
  const embedded =
    config.databaseUrl === undefined
      ? await (starting ?? startEmbedded(config, logger, { ...(onLost ? { onLost } : {}) }))
      : null;
  const url = embedded?.url ?? config.databaseUrl;
  if (url === undefined) throw new AppError('internal', 'internal.no-database');
  try {
    await migrate({ url, logger });
    const dataSource = createDataSource({
      url,
      poolSize: POOL_SIZE,
      entities,
      logger,
      onPoolError: onTrouble,
      onStatementFault: (fault) => {
        if (isDatabaseWide(fault)) onTrouble(fault);
      },
    });
    await connectDataSource(dataSource);
    const bus = new NotificationBus({ url, logger });
    await bus.start();
    return {
      url,
      dataSource,
      bus,
      embedded,
      close: async () => {
        await bus.stop();
        await dataSource
          .destroy()
          .catch((err: unknown) => logger.warn({ err }, 'the database connections did not close cleanly'));
        await embedded?.stop();
      },
    };
  } catch (fault) {
    await embedded?.stop();
    throw fault;
  }
}

const ENDS_START = new Set([
  'data-directory-in-use',
  'database-too-new',
  'database-version-unsupported',
  'embedded-database-version',
  'migration-changed',
]);

/**
 * Faults with which not even content is served: another server does so from this very directory, or another version of something
 * belongs here, and whoever chose this one is there to see it.
 */
export function endsStart(code: string): boolean {
  return ENDS_START.has(code);
}
