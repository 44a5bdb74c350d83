import type pg from 'pg';

import { AppError } from '../platform/errors/app-error.js';
import { reason } from '../platform/texts/texts.js';
import { BoundedClient } from './bounded-client.js';
import { databaseErrorCode, isConnectionFailure, toDatabaseError } from './database.errors.js';
import type { DatabaseLogger } from './database.logger.js';
import { type MigrationFile, readMigrationFiles } from './migration-files.js';

export interface MigratorOptions {
  url: string;
  logger: DatabaseLogger;
  /** Default: the migrations of this version. */
  directory?: string;
  /** Oldest server accepted, as in server_version_num; default 150000. */
  oldestServer?: number;
  /** How long the server may be silent, except while it applies a file; default 8,000. */
  answerMilliseconds?: number;
}

const LOCK_NOT_AVAILABLE = '55P03';
/** Any number that nobody else uses as an advisory lock in the same database. */
const ADVISORY_LOCK = 7_224_801_518;
const OLDEST_SERVER = 150_000;
/** Less than a stop may take, which waits for a start under way. */
const LOCK_MILLISECONDS = 5_000;
/** Longest silence of a living server, with a lock to wait for. */
const ANSWER_MILLISECONDS = LOCK_MILLISECONDS + 3_000;
/** A file may have to rewrite large tables. */
const FILE_MILLISECONDS = 24 * 3_600_000;

/** Whoever loses power in the middle must not keep the others out until TCP gives up, after hours. */
const LET_GO = `SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
  SET idle_in_transaction_session_timeout = '60s'`;

/**
 * Brings the schema to this version, each file in one transaction; several nodes may start at once. Waits for another one only
 * for a while: whoever calls tries again, and can say so. Returns the names applied by this call.
 * Throws AppError `database-version-unsupported`, `database-too-new`, `migration-changed`, `migration-failed`,
 * `database-unavailable`, `database-refused`.
 */
export async function migrate(options: MigratorOptions): Promise<string[]> {
  const files = await readMigrationFiles(options.directory);
  const client = new BoundedClient({
    connectionString: options.url,
    application_name: 'haishin-migrator',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 0,
    lock_timeout: LOCK_MILLISECONDS,
    query_timeout: options.answerMilliseconds ?? ANSWER_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // A connection that breaks also fails the statement under way; unheard, the event would end the process.
  client.on('error', (error) => options.logger.debug({ err: error }, 'the connection of the migrator broke'));
  try {
    await client.connect();
    await client.query(LET_GO);
    await refuseOldServer(client, options.oldestServer ?? OLDEST_SERVER);
    const applied: string[] = [];
    for (;;) {
      const name = await applyNext(client, files);
      if (name === undefined) return applied;
      options.logger.info({ migration: name }, 'schema migrated');
      applied.push(name);
    }
  } catch (error) {
    throw databaseErrorCode(error) === LOCK_NOT_AVAILABLE ? beingMigrated(error) : toDatabaseError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function beingMigrated(cause: unknown): AppError {
  return new AppError('unavailable', 'database-unavailable.migrating', { cause });
}

async function refuseOldServer(client: pg.Client, oldest: number): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`,
  );
  const version = rows[0];
  if (version === undefined || version.number < oldest)
    throw new AppError('unavailable', 'database-version-unsupported', {
      values: { version: version?.text ?? reason('version.unknown'), needed: Math.floor(oldest / 10_000) },
    });
}

/** Applies the first pending file and returns its name; the lock is held for this one transaction. */
async function applyNext(client: pg.Client, files: MigrationFile[]): Promise<string | undefined> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    const applied = await readApplied(client);
    refuseForeign(files, applied);
    const next = files.find((file) => !applied.has(file.name));
    if (next !== undefined) {
      await runFile(client, next);
      await client.query('INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)', [next.name, next.sha256]);
    }
    await client.query('COMMIT');
    return next?.name;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function readApplied(client: pg.Client): Promise<Map<string, string>> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS schema_migration (
      name text NOT NULL,
      sha256 text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT schema_migration_pk PRIMARY KEY (name)
    )`);
  const { rows } = await client.query<{ name: string; sha256: string }>('SELECT name, sha256 FROM schema_migration');
  return new Map(rows.map((row) => [row.name, row.sha256]));
}

function refuseForeign(files: MigrationFile[], applied: Map<string, string>): void {
  const known = new Map(files.map((file) => [file.name, file.sha256]));
  const unknown = [...applied.keys()].filter((name) => !known.has(name)).sort();
  if (unknown.length > 0) throw new AppError('conflict', 'database-too-new', { details: { unknown } });
  const changed = files
    .filter((file) => (applied.get(file.name) ?? file.sha256) !== file.sha256)
    .map((file) => file.name);
  if (changed.length > 0) throw new AppError('conflict', 'migration-changed', { details: { changed } });
}

async function runFile(client: pg.Client, file: MigrationFile): Promise<void> {
  try {
    // pg reads the limit from the statement too; its types do not say so.
    await client.query({ text: file.sql, query_timeout: FILE_MILLISECONDS } as pg.QueryConfig);
  } catch (error) {
    if (isConnectionFailure(error) || databaseErrorCode(error) === LOCK_NOT_AVAILABLE) throw error;
    const position = Number((error as { position?: string }).position);
    const line = Number.isInteger(position) ? file.sql.slice(0, position).split('\n').length : undefined;
    const text = error instanceof Error ? error.message : String(error);
    throw new AppError('internal', line === undefined ? 'migration-failed' : 'migration-failed.at-line', {
      values: { reason: text },
      details: { migration: file.name, line },
      cause: error,
    });
  }
}
