import type { DatabaseLogger } from '../../src/database/database.logger.js';

const ignore = (): void => undefined;

/** For code whose log is not what the test is about. */
export const silentLogger: DatabaseLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
