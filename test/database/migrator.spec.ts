import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { MIGRATIONS_DIRECTORY, readMigrationFiles } from '../../src/database/migration-files.js';
import { migrate } from '../../src/database/migrator.js';
import { silentLogger } from '../support/silent-logger.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

describe('migrator', () => {
  let database: TestDatabase;
  let directory: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'haishin-migrations-'));
    await cp(MIGRATIONS_DIRECTORY, directory, { recursive: true });
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
    await database.drop();
  });

  const run = () => migrate({ url: database.url, logger: silentLogger, directory });

  async function query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(sql);
    await client.end();
    return rows;
  }

  it('has nothing to do on a migrated database', async () => {
    await expect(run()).resolves.toEqual([]);
  });

  it('records name, checksum and time of each file', async () => {
    const rows = await query('SELECT name, sha256, applied_at FROM schema_migration ORDER BY name');
    const files = await readMigrationFiles();
    expect(rows).toEqual(files.map(({ name, sha256 }) => ({ name, sha256, applied_at: expect.any(Date) as Date })));
  });

  it('applies a new file once, also when several nodes start at the same moment', async () => {
    await writeFile(
      join(directory, '9001-counter.sql'),
      'CREATE TABLE counter (n int); INSERT INTO counter VALUES (1);',
    );
    await writeFile(join(directory, '9002-more.sql'), 'INSERT INTO counter VALUES (2);');
    const applied = await Promise.all(Array.from({ length: 6 }, run));
    expect(applied.flat().sort()).toEqual(['9001-counter', '9002-more']);
    expect(await query('SELECT n FROM counter ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it.each([
    ['another server that migrates', 'SELECT pg_advisory_xact_lock(7224801518)'],
    ['a statement that holds a table to be changed', 'LOCK TABLE setting IN ACCESS SHARE MODE'],
  ])('does not wait for ever for %s', async (_case, hold) => {
    await writeFile(join(directory, '9001-more.sql'), 'ALTER TABLE setting ADD COLUMN more int;');
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query(`BEGIN; ${hold}`);
    const refused = expect(run()).rejects;
    await refused.toMatchObject({ code: 'database-unavailable', message: expect.stringContaining('in use') });
    await other.end();
    await expect(run()).resolves.toEqual(['9001-more']);
  });

  it('does not wait for ever for a database that falls silent', async () => {
    await query(`CREATE FUNCTION slow() RETURNS text LANGUAGE sql AS 'SELECT pg_sleep(60)::text'`);
    await query(`DROP TABLE schema_migration; CREATE VIEW schema_migration AS SELECT slow() AS name, '' AS sha256`);
    const migration = migrate({ url: database.url, logger: silentLogger, directory, answerMilliseconds: 200 });
    await expect(migration).rejects.toMatchObject({ code: 'database-unavailable' });
  });

  it('keeps nothing of a file that fails, and names the line', async () => {
    await writeFile(join(directory, '9001-half.sql'), 'CREATE TABLE half (n int);\nCREATE TABLE setting (n int);\n');
    await expect(run()).rejects.toMatchObject({ code: 'migration-failed', details: { migration: '9001-half' } });
    expect(await query(`SELECT to_regclass('half') AS half`)).toEqual([{ half: null }]);
    await writeFile(join(directory, '9001-half.sql'), 'CREATE TABLE half (n int);\n\nCREATE TABEL x (n int);\n');
    await expect(run()).rejects.toMatchObject({ code: 'migration-failed', details: { line: 3 } });
    await writeFile(join(directory, '9001-half.sql'), 'CREATE TABLE half (n int);');
    await expect(run()).resolves.toEqual(['9001-half']);
  });

  it('refuses a database of a newer version', async () => {
    await query(`INSERT INTO schema_migration (name, sha256) VALUES ('9999-future', 'x')`);
    await expect(run()).rejects.toMatchObject({ code: 'database-too-new', details: { unknown: ['9999-future'] } });
  });

  it('refuses an edited migration, but not other line ends', async () => {
    const [first] = await readMigrationFiles(directory);
    const path = join(directory, `${first?.name}.sql`);
    await writeFile(path, first?.sql.replaceAll('\n', '\r\n') ?? '');
    await expect(run()).resolves.toEqual([]);
    await writeFile(path, `${first?.sql}-- edited\n`);
    await expect(run()).rejects.toMatchObject({ code: 'migration-changed', details: { changed: [first?.name] } });
  });

  it('refuses files whose order is not clear', async () => {
    await writeFile(join(directory, '0001-twice.sql'), '');
    await expect(run()).rejects.toMatchObject({ code: 'migration-name' });
    await rm(join(directory, '0001-twice.sql'));
    await writeFile(join(directory, 'quick fix.sql'), '');
    await expect(run()).rejects.toMatchObject({ code: 'migration-name' });
  });

  it('refuses a server that is too old before it touches anything', async () => {
    await writeFile(join(directory, '9001-new.sql'), 'CREATE TABLE new (n int);');
    const migration = migrate({ url: database.url, logger: silentLogger, directory, oldestServer: 990_000 });
    await expect(migration).rejects.toMatchObject({ code: 'database-version-unsupported' });
    expect(await query(`SELECT to_regclass('new') AS new`)).toEqual([{ new: null }]);
  });

  it('says that the server cannot be reached, or refuses', async () => {
    const nowhere = `postgresql://haishin@/haishin?host=${encodeURIComponent(directory)}`;
    await expect(migrate({ url: nowhere, logger: silentLogger })).rejects.toMatchObject({
      code: 'database-unavailable',
    });
    const absent = database.url.replace(/\/haishin_test_[^?]*/, '/no_such_database');
    await expect(migrate({ url: absent, logger: silentLogger })).rejects.toMatchObject({ code: 'database-refused' });
  });
});
