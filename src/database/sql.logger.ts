import type { Logger as TypeOrmLogger } from 'typeorm';

import { isDatabaseBusy } from './database.errors.js';
import type { DatabaseLogger } from './database.logger.js';

/** Long statements are cut: a log line is for finding the place, not for replaying it. */
const MAX_SQL_CHARACTERS = 500;

/**
 * TypeORM's events in our log. Parameters are left out, because they hold hashes, names and settings; failed statements
 * stay at debug, because whoever called decides what the failure means; those that were given up are told.
 */
export class SqlLogger implements TypeOrmLogger {
  /** @param onFault told of every statement that failed */
  constructor(
    private readonly logger: DatabaseLogger,
    private readonly onFault?: (fault: unknown) => void,
  ) {}

  logQuery(): void {}

  logQueryError(error: string | Error, query: string): void {
    const facts = { err: error, sql: query.slice(0, MAX_SQL_CHARACTERS) };
    // Nobody else tells which one it was, and a person may have to find out why.
    if (isDatabaseBusy(error))
      this.logger.warn(facts, 'a statement was given up: others were in its way, or it took too long');
    else this.logger.debug(facts, 'a statement failed');
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
