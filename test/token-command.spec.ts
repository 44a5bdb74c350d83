import pg from 'pg';
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

  it('make a schema only for the first token', async () => {
    await query('drop schema public cascade; create schema public');
    expect(await token('list')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^database-absent: /) });
    expect(await query(`select to_regclass('schema_migration') as made`)).toEqual([{ made: null }]);
    expect(await token('create', 'first')).toMatchObject({ code: 0 });
    expect((await token('list')).stdout).toContain('first');
  });
});
