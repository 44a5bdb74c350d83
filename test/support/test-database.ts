import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A database of its own with the present schema, cloned from the template in milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = process.env.HAISHIN_TEST_DATABASE_ADMIN_URL;
  const template = process.env.HAISHIN_TEST_DATABASE_TEMPLATE;
  if (adminUrl === undefined || template === undefined)
    throw new Error('No test database: the run was asked for unit specs only. Specs that need one stand in test/.');
  // The template bears the pid of the run, by which the teardown finds what a failed test left; the next file must not meet it.
  const name = `${template.replace('template', 'test')}_${randomBytes(6).toString('hex')}`;
  await onAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: adminUrl.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`),
    drop: () => onAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} (FORCE)`),
  };
}

/** Runs one statement as the administrator of the test server. */
async function onAdmin(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
