import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import type { Logger } from '../platform/logging/logger.js';

/** Where the embedded PostgreSQL lives. */
export function embeddedDirectory(config: Config): string {
  return join(config.dataDir, 'postgres');
}

/** @param onProcess a process of PostgreSQL has been started: from here on the rest is mostly its work, not ours. */
export function startEmbedded(config: Config, logger: Logger, onProcess?: () => void): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: embeddedDirectory(config),
    logger,
    ...(onProcess === undefined ? {} : { onProcess }),
  });
}
