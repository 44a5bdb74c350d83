import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { identifyProcess } from '../../src/database/embedded/process-identity.js';
import { recordLog } from '../support/log-recorder.js';
import { until } from '../support/until.js';
import { EmbeddedSite, query } from './embedded-site.js';

describe('embedded PostgreSQL', () => {
  let site: EmbeddedSite;
  beforeEach(async () => {
    site = await EmbeddedSite.open();
  });
  afterEach(() => site.close());

  it('creates a database, keeps what was committed, and leaves nothing running', async () => {
    const first = await site.start();
    const setting = (name: string) => query(first.url, `SELECT current_setting('${name}') AS value`);
    expect(Number(await setting('server_version_num'))).toBeGreaterThanOrEqual(180_000);
    expect(await setting('server_encoding')).toBe('UTF8');
    expect(await setting('data_checksums')).toBe('on');
    expect(await setting('fsync')).toBe('on');
    expect(await setting('listen_addresses')).toBe('');
    expect(await query(first.url, `SELECT current_database() || ' ' || current_user AS value`)).toBe('haishin haishin');
    // Japanese sorts by code point, the same on every machine.
    expect(
      await query(first.url, `SELECT string_agg(x, '' ORDER BY x) AS value FROM unnest('{ん,あ,Z,a}'::text[]) x`),
    ).toBe('Zaあん');
    expect((await stat(first.connectionOptions.host)).mode & 0o777).toBe(0o700);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = await site.postmasterPid();
    await first.stop();
    expect(existsSync(first.connectionOptions.host)).toBe(false);
    expect(existsSync(join(site.dataDir, 'lock'))).toBe(false);
    expect(await identifyProcess(pid ?? 0)).toBeUndefined();

    const again = await site.start();
    expect(await query(again.url, 'SELECT value FROM kept')).toBe(42);
  });

  it('finds a short place for the socket of a directory with a long name', async () => {
    site.dataDir = join(site.parent, 'n'.repeat(60), 'm'.repeat(60), 'postgres');
    const server = await site.start();
    expect(Buffer.byteLength(server.connectionOptions.host)).toBeLessThan(90);
    expect(await query(server.url, 'SELECT 1 AS value')).toBe(1);
  });

  it.each(['17', '19'])('refuses a directory of PostgreSQL %s and touches nothing', async (version) => {
    await (await site.start()).stop();
    await writeFile(join(site.dataDir, 'cluster', 'PG_VERSION'), `${version}\n`);
    await expect(site.start()).rejects.toMatchObject({
      kind: 'conflict',
      code: 'embedded-database-version',
      details: { found: version, supported: '18' },
    });
    await writeFile(join(site.dataDir, 'cluster', 'PG_VERSION'), '18\n');
    await site.start();
  });

  it('begins again where a creation was cut off', async () => {
    await mkdir(join(site.dataDir, 'cluster.new', 'base'), { recursive: true });
    await writeFile(join(site.dataDir, 'cluster.new', 'PG_VERSION'), '18\n');
    expect(await query((await site.start()).url, 'SELECT 1 AS value')).toBe(1);
    expect(existsSync(join(site.dataDir, 'cluster.new'))).toBe(false);
  });

  it('starts the server again when it crashes', async () => {
    const log = recordLog();
    const server = await site.start(undefined, log);
    await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = await site.postmasterPid();
    process.kill(pid ?? 0, 'SIGKILL');
    await until('another server runs', () => log.lines.includes('info: the embedded database runs again'));
    expect(await site.postmasterPid()).not.toBe(pid);
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
    expect(log.lines).toContain('error: the embedded database ended by itself');
  });

  it('says in its log when one of its processes crashes, and nothing of failed statements', async () => {
    const server = await site.start();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await expect(client.query('SELECT nonsense')).rejects.toThrow('nonsense');
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    client.on('error', () => undefined);
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    const log = () => readFile(join(site.dataDir, 'postgres.log'), 'utf8');
    await until('it recovers', async () => (await log()).includes('is ready to accept connections'));
    await until('it says so', async () => (await log()).includes('was terminated by signal 9'));
    expect(await log()).not.toContain('nonsense');
  });

  it('says why the server does not start, and gives the directory free', async () => {
    await expect(site.start({ shared_buffers: 'plenty' })).rejects.toMatchObject({
      code: 'embedded-database-start-failed',
      message: expect.stringContaining('shared_buffers'),
    });
    await site.start();
  });
});
