import 'reflect-metadata';

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type DataSource, getMetadataArgsStorage } from 'typeorm';

import { describeDrift, type Schema } from '../support/schema-drift.js';
import { openTestDataSource, type TestDataSource } from '../support/test-data-source.js';

/** Tables that SQL alone reads and writes. A new one is named here on purpose, or gets an entity. */
const WITHOUT_ENTITY = new Set([
  'agent_component',
  'agent_contact',
  'agent_event',
  'blob_digest',
  'command',
  'command_component',
  'command_supersession',
  'command_tally',
  'command_target',
  'component_availability',
  'download_deployment',
  'idempotency_key',
  'installed_action',
  'missing_request',
  'open_update',
  'release_publication',
  'schema_migration',
  'setting',
  'signature_doubt',
  'target_attempt',
  'target_message',
  'upstream_file',
  'upstream_state',
]);

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));

type EntityClass = new () => object;

describe('schema drift', () => {
  let database: TestDataSource;
  let dataSource: DataSource;
  let entities: EntityClass[];

  beforeAll(async () => {
    entities = await importEntities();
    database = await openTestDataSource(entities);
    dataSource = database.dataSource;
  });

  afterAll(() => database.drop());

  it('finds no difference between entities and migrations', async () => {
    expect(describeDrift(schemaOfEntities(dataSource), await schemaOfTables(dataSource), WITHOUT_ENTITY)).toEqual([]);
  });

  it('leaves the name of no check to the server', async () => {
    // Its own names end in `_check`, perhaps with a number; a name that says what holds is of use in an error message.
    const rows = await dataSource.query<{ name: string }[]>(
      `SELECT conname AS name FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND conname ~ '_check\\d*$' ORDER BY 1`,
    );
    expect(rows).toEqual([]);
  });

  it('registers every entity with the application', async () => {
    const path = '../../src/app.entities.js';
    const registered = readdirSync(SOURCES).includes('app.entities.ts')
      ? ((await import(path)) as { entities: EntityClass[] }).entities
      : entities;
    expect(names(registered)).toEqual(names(entities));
  });

  it('would find each kind of difference', () => {
    const schema = (tables: Record<string, Record<string, string>>): Schema =>
      new Map(Object.entries(tables).map(([table, columns]) => [table, new Map(Object.entries(columns))]));
    const drift = describeDrift(
      schema({ absent: { id: 'uuid' }, other: { id: 'uuid not null', gone: 'text', note: 'text' }, listed: {} }),
      schema({ other: { id: 'uuid', note: 'text', more: 'text' }, listed: {}, forgotten: {} }),
      new Set(['listed', 'nowhere']),
    );
    expect(drift).toEqual([
      'absent: an entity that no migration created',
      'forgotten: neither an entity nor in the list of tables without one',
      'listed: has an entity, although the list says not',
      'nowhere: in the list of tables without an entity, but no migration created it',
      'other.gone: a column of the entity that no migration created',
      'other.id: the entity says uuid not null, the table uuid',
      'other.more: a column that the entity lacks',
    ]);
  });
});

const names = (classes: EntityClass[]) => classes.map(({ name }) => name).sort();

/** Every class with @Entity in the sources, registered or not. */
async function importEntities(): Promise<EntityClass[]> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.entity.ts'),
  );
  for (const file of files) await import(join(SOURCES, file));
  return getMetadataArgsStorage()
    .tables.map(({ target }) => target)
    .filter((target): target is EntityClass => typeof target === 'function');
}

function schemaOfEntities(dataSource: DataSource): Schema {
  return new Map(
    dataSource.entityMetadatas.map(({ tableName, columns }) => [
      tableName,
      new Map(
        columns.map((column) => [
          column.databaseName,
          `${dataSource.driver.normalizeType(column)}${column.isArray ? '[]' : ''}${column.isNullable ? '' : ' not null'}`,
        ]),
      ),
    ]),
  );
}

async function schemaOfTables(dataSource: DataSource): Promise<Schema> {
  const rows = await dataSource.query<{ table: string; column: string; type: string }[]>(`
    SELECT c.relname AS table, a.attname AS column,
      format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS type
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped`);
  const schema: Schema = new Map();
  for (const { table, column, type } of rows) {
    const columns = schema.get(table) ?? new Map<string, string>();
    schema.set(table, columns.set(column, type));
  }
  return schema;
}
