import { access, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../database/embedded/embedded-postgres.js';
import { CHANNELS } from '../mirror/snapshot/channel.js';
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
  if (await hasEmbedded(config)) return;
  throw new AppError('bad-input', 'database-absent', { details: { path: config.dataDir } });
}

async function hasEmbedded(config: Config): Promise<boolean> {
  return access(join(embeddedDirectory(config), 'cluster')).then(
    () => true,
    () => false,
  );
}

/** Whether something is in force on the disk, in any channel. */
export async function hasPublished(config: Config): Promise<boolean> {
  const pointers = CHANNELS.map((channel) => readlink(join(config.dataDir, 'published', channel, 'current')));
  return (await Promise.allSettled(pointers)).some(({ status }) => status === 'fulfilled');
}

/** Content without the database that knows of it: that is an external one, or it was left behind when the rest was copied. */
export async function isDatabaseElsewhere(config: Config): Promise<boolean> {
  return config.databaseUrl === undefined && !(await hasEmbedded(config)) && (await hasPublished(config));
}

/**
 * @param more `onProcess`: a process of PostgreSQL has been started: from here on the rest is mostly its work, not ours · `brief`: it
 * is stopped again within moments · `onLost`: another process took the directory
 */
export async function startEmbedded(
  config: Config,
  logger: Logger,
  more: Pick<EmbeddedPostgresOptions, 'onProcess' | 'brief' | 'onLost'> = {},
): Promise<EmbeddedPostgres> {
  if (await isDatabaseElsewhere(config))
    logger.warn(
      { dataDir: config.dataDir },
      'Content is published here, but there is no database: an empty one is made, which knows nothing of it. ' +
        'What is published is served all the same, and the next download begins anew. If the database is elsewhere, ' +
        'stop, remove the directory postgres, and set DATABASE_URL or put back the one of the backup.',
    );
  return startEmbeddedPostgres({ dataDir: embeddedDirectory(config), logger, ...more });
}
