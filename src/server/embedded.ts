import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import { AppError } from '../platform/errors/app-error.js';
import type { Logger } from '../platform/logging/logger.js';

/** Where the embedded PostgreSQL lives. */
export function embeddedDirectory(config: Config): string {
  return join(config.dataDir, 'postgres');
}

/**
 * For commands that work on what is there: starting PostgreSQL on an empty directory would make a new database.
 * @throws AppError `database-absent`.
 */
export async function requireEmbedded(config: Config): Promise<void> {
  await access(join(embeddedDirectory(config), 'cluster')).catch((cause: unknown) => {
    throw new AppError(
      'bad-input',
      'database-absent',
      `There is no database in ${config.dataDir}. Is HAISHIN_DATA_DIR right? "haishin serve" makes one at its first start.`,
      { cause, details: { path: config.dataDir } },
    );
  });
}

/** @param onProcess a process of PostgreSQL has been started: from here on the rest is mostly its work, not ours. */
export function startEmbedded(config: Config, logger: Logger, onProcess?: () => void): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: embeddedDirectory(config),
    logger,
    ...(onProcess === undefined ? {} : { onProcess }),
  });
}
