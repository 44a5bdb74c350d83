import type pg from 'pg';

import { databaseErrorCode, databasePermissionDenied, databaseReadOnly } from './database.errors.js';
import { reason } from '../platform/texts/texts.js';

/** A read-only database fails nothing that only reads, nor does a lost right: both are asked for. */
const STANDING = `
  SELECT current_setting('transaction_read_only') = 'on' AS "readOnly",
    (SELECT min(relname) FROM pg_class
     WHERE relname = ANY($1) AND relnamespace = current_schema()::regnamespace
       AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
         AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) AS forbidden`;

/** Some hundred pages of a table that nobody else sees and that goes at once: they are only had where the disk has room. */
const SPACE = 'BEGIN; CREATE TEMPORARY TABLE haishin_space AS SELECT generate_series(1, 20000); ROLLBACK';

/**
 * Throws when the database answers but cannot be worked with: AppError `database-read-only`, `database-permission-denied`, or
 * what a statement failed with.
 * @param tables those that have to be written
 */
export async function requireUsable(client: pg.Client, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ readOnly: boolean; forbidden: string | null }>(STANDING, [tables]);
  if (rows[0]?.readOnly === true) throw databaseReadOnly();
  const forbidden = rows[0]?.forbidden ?? null;
  if (forbidden !== null) throw databasePermissionDenied(reason('right.table', { table: forbidden }));
}

/** Throws 53100 when the disk has no room. */
export async function requireSpace(client: pg.Client): Promise<void> {
  try {
    await client.query(SPACE);
  } catch (fault) {
    // Not every role may make such a table; then only the next real statement can tell.
    if (databaseErrorCode(fault) !== '42501') throw fault;
    await client.query('ROLLBACK');
  }
}
