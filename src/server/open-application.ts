import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Runtime } from '../app.module.js';
import { AppError } from '../platform/errors/app-error.js';
import { createApplication } from './application.js';
import type { Database } from './database.js';
import { prepareDatabase } from './prepare-database.js';

export interface OpenApplication {
  app: NestFastifyApplication;
  /** For commands on this host. */
  localToken: string;
}

/**
 * The application on a database that has been opened for it. On any fault nothing of either is left running.
 * @param stopping asked when all is there: a stop that began meanwhile did not know of it
 */
export async function openApplication(
  database: Database,
  rest: Omit<Runtime, 'dataSource' | 'bus'>,
  stopping: () => boolean,
): Promise<OpenApplication> {
  const { config, logger, tree } = rest;
  let app: NestFastifyApplication | undefined;
  try {
    app = await createApplication({ ...rest, dataSource: database.dataSource, bus: database.bus });
    const localToken = await prepareDatabase(app, config, tree, logger);
    if (stopping()) throw new AppError('unavailable', 'stopping');
    return { app, localToken };
  } catch (fault) {
    await app
      ?.close()
      .catch((err: unknown) => logger.warn({ err }, 'a half-started application did not close cleanly'));
    await database.close();
    throw fault;
  }
}
