import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.js';
import { silentLogger } from './support/silent-logger.js';
import { runCommandIn } from './support/command-line.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('token commands beside a server of another version', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(() => database.drop());

  async function query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const results = [await client.query<Record<string, unknown>>(sql)].flat();
    await client.end();
    return results.at(-1)?.rows ?? [];
  }

  const token = (...args: string[]) => runCommandIn({ DATABASE_URL: database.url }, 'token', ...args);

  it('leave its schema as it is', async () => {
    const newest = `select max(name) as name from schema_migration`;
    await query(`delete from schema_migration where name = (${newest})`);
    const before = await query(newest);
    expect(await token('create', 'night shift')).toMatchObject({ code: 0, stderr: '' });
    expect((await token('list')).stdout).toContain('night shift');
    expect(await token('revoke', 'night shift')).toMatchObject({ code: 0, stderr: '' });
    expect(await query(newest)).toEqual(before);
  });

  it('tell scripts which tokens have ended', async () => {
    const made = [];
    for (let count = 0; count < 2; count += 1)
      made.push((JSON.parse((await token('create', 'twin', '--json')).stdout) as { id: string }).id);
    const ended = JSON.parse((await token('revoke', 'twin', '--json')).stdout) as { id: string; name: string }[];
    expect(ended.map(({ id }) => id).sort()).toEqual(made.sort());
    expect(new Set(ended.map(({ name }) => name))).toEqual(new Set(['twin']));
  });

  it('make a schema only for the first token', async () => {
    await query('drop schema public cascade; create schema public');
    expect(await token('list')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^database-absent: /) });
    expect(await query(`select to_regclass('schema_migration') as made`)).toEqual([{ made: null }]);
    expect(await token('create', 'first')).toMatchObject({ code: 0 });
    expect((await token('list')).stdout).toContain('first');
  });
});

describe('a token command beside another command', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-commands-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('waits for its turn, and does not use a database that ends with the other one', async () => {
    const other = await startEmbeddedPostgres({
      dataDir: join(dataDir, 'postgres'),
      logger: silentLogger,
      brief: true,
    });
    const order: string[] = [];
    const command = runCommandIn({ HAISHIN_DATA_DIR: dataDir }, 'token', 'create', 'second').then((result) => {
      order.push('command');
      return result;
    });
    const client = new pg.Client({ connectionString: other.url });
    await client.connect();
    // As long as it likes: nobody else has made tables here.
    await client.query('select pg_sleep(1)');
    const { rows } = await client.query(`select to_regclass('api_token') as made`);
    await client.end();
    order.push('other');
    await other.stop();
    expect(await command).toMatchObject({ code: 0 });
    expect(rows).toEqual([{ made: null }]);
    expect(order).toEqual(['other', 'command']);
  });
});
