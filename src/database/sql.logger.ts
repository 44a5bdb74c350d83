import type { Logger as TypeOrmLogger } from 'typeorm';

import type { DatabaseLogger } from './database.logger.js';

/** Long statements are cut: a log line is for finding the place, not for replaying it. */
const MAX_SQL_CHARACTERS = 500;

/**
 * TypeORM's events in our log. Parameters are left out, because they hold hashes, names and settings; failed statements
 * stay at debug, because whoever called decides what the failure means.
 */
export class SqlLogger implements TypeOrmLogger {
  /** @param onFault told of every statement that failed */
  constructor(
    private readonly logger: DatabaseLogger,
    private readonly onFault?: (fault: unknown) => void,
  ) {}

  logQuery(): void {}

  logQueryError(error: string | Error, query: string): void {
    this.logger.debug({ err: error, sql: query.slice(0, MAX_SQL_CHARACTERS) }, 'a statement failed');
    this.onFault?.(error);
  }

  logQuerySlow(milliseconds: number, query: string): void {
    this.logger.warn({ milliseconds, sql: query.slice(0, MAX_SQL_CHARACTERS) }, 'a statement was slow');
  }

  logSchemaBuild(): void {}

  logMigration(): void {}

  log(level: 'log' | 'info' | 'warn', message: unknown): void {
    this.logger[level === 'warn' ? 'warn' : 'debug']({ message }, 'message of the database layer');
  }
}
