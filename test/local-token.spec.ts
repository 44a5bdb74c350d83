import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { LocalTokenService } from '../src/modules/accounts/accounts.api.js';
import { ManualClock } from '../src/platform/clock/clock.js';
import { thisProcess } from '../src/platform/process/process-mark.js';
import { ApiCaller, startHaishin, type TestHaishin } from './support/haishin.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const HOUR = 3_600_000;

describe('the token of commands on this host', () => {
  let database: TestDatabase;
  let haishin: TestHaishin | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await haishin?.dispose();
    haishin = undefined;
    await database.drop();
  });

  async function query(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return client
      .query<Record<string, unknown>>(sql, values)
      .then(({ rows }) => rows)
      .finally(() => client.end());
  }

  async function leave(name: string, createdBy: string, expiresAt: Date | null): Promise<void> {
    await query(
      `insert into api_token (id, name, token_hash, token_prefix, role, created_by, expires_at)
       values ($1, $2, $3, '', 'administrator', $4, $5)`,
      [randomUUID(), name, createHash('sha256').update(name).digest(), createdBy, expiresAt],
    );
  }

  const names = async () => (await query(`select name from api_token order by name`)).map(({ name }) => name as string);

  it('ends with its server', async () => {
    haishin = await startHaishin({ database });
    expect(await names()).toContainEqual(expect.stringMatching(/^local command line /));
    await haishin.stop();
    expect(await names()).toEqual(['bootstrap']);
  });

  it('of a server that is over goes at the next start, whatever the host was called', async () => {
    const [future, past] = [new Date(Date.now() + HOUR), new Date(Date.now() - HOUR)];
    const { place, token } = thisProcess;
    await leave('local command line killed:/data', `server 4194303 ${place ?? '-'} ${token}`, future);
    await leave('local command line old:/data', 'server 1 elsewhere 0a0b0c0d', past);
    await leave('local command line older:/data', 'server 1 elsewhere 0a0b0c0d', null);
    await leave('local command line other:/data', 'server 1 elsewhere 0a0b0c0d', future);
    await leave('local command line of mine', 'command line', null);
    haishin = await startHaishin({ database });
    await haishin.stop();
    expect(await names()).toEqual(['bootstrap', 'local command line of mine', 'local command line other:/data']);
  });

  it('is let in for a day at most when nobody renews it', async () => {
    const clock = new ManualClock(new Date('2026-05-01T00:00:00Z'));
    haishin = await startHaishin({ database, clock });
    const { token } = JSON.parse(await readFile(join(haishin.dataDir, 'run', 'server.json'), 'utf8')) as {
      token: string;
    };
    const caller = new ApiCaller(haishin.http, token);
    const status = async () => (await caller.get('/api/v1/components')).status;
    clock.advance(23 * HOUR);
    await haishin.server.application()?.get(LocalTokenService).renew();
    clock.advance(23 * HOUR);
    expect(await status()).toBe(200);
    clock.advance(2 * HOUR);
    expect(await status()).toBe(401);
    // As after a host that slept.
    await query(`delete from api_token where name like 'local %'`);
    await haishin.server.application()?.get(LocalTokenService).renew();
    expect(await status()).toBe(200);
  });
});
