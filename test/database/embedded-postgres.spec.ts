import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import {
  type EmbeddedPostgres,
  findRunningEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/database/embedded/embedded-postgres.js';
import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { identifyProcess, isRunning } from '../../src/database/embedded/process-identity.js';
import { recordLog } from '../support/log-recorder.js';
import { type OwnerProcess, startOwner } from '../support/owner-process.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';

const isRoot = process.geteuid?.() === 0;
const asRoot = isRoot ? it : it.skip;
const NOBODY = { uid: 65_534, gid: 65_534 };

describe('embedded PostgreSQL', () => {
  let parent: string;
  let dataDir: string;
  let servers: EmbeddedPostgres[];
  let owners: OwnerProcess[];

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'haishin-embedded-'));
    await chmod(parent, 0o755);
    dataDir = join(parent, 'postgres');
    servers = [];
    owners = [];
  });

  afterEach(async () => {
    for (const owner of owners) if (owner.child.exitCode === null) await owner.end('SIGKILL').catch(() => undefined);
    for (const server of servers) await server.stop();
    const left = await findPostmaster(join(dataDir, 'cluster'));
    if (left !== undefined) process.kill(left.process.pid, 'SIGQUIT');
    await rm(parent, { recursive: true, force: true });
  });

  async function start(settings?: Record<string, string>, logger = silentLogger): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dataDir, logger, ...(settings ? { settings } : {}) });
    servers.push(server);
    return server;
  }

  async function own(options?: Parameters<typeof startOwner>[1]): Promise<OwnerProcess> {
    const owner = await startOwner(dataDir, options);
    owners.push(owner);
    return owner;
  }

  const postmasterPid = async () => (await findPostmaster(join(dataDir, 'cluster')))?.process.pid;

  it('creates a database, keeps what was committed, and leaves nothing running', async () => {
    const first = await start();
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
    const pid = await postmasterPid();
    await first.stop();
    expect(existsSync(first.connectionOptions.host)).toBe(false);
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
    expect(await identifyProcess(pid ?? 0)).toBeUndefined();

    const again = await start();
    expect(await query(again.url, 'SELECT value FROM kept')).toBe(42);
  });

  asRoot('runs as an account without rights when started by root', async () => {
    await start();
    const status = await readFile(`/proc/${await postmasterPid()}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(String(NOBODY.uid));
    expect((await stat(join(dataDir, 'cluster'))).uid).toBe(NOBODY.uid);
  });

  asRoot('runs below a directory that only root may enter', async () => {
    await chmod(parent, 0o700);
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    // A relation file created long after the start proves that the way into the directory holds.
    await query(first.url, 'CREATE TABLE later AS SELECT generate_series(1, 10000) AS value; CHECKPOINT');
    expect(first.connectionOptions.host.startsWith(dataDir)).toBe(false);
    await first.stop();
    expect(existsSync(first.connectionOptions.host)).toBe(false);
    const again = await start();
    expect(await query(again.url, 'SELECT value FROM kept')).toBe(42);
  });

  asRoot('starts on a copy that belongs to root, as one from a backup does', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await first.stop();
    const copy = join(parent, 'copy');
    await cp(dataDir, copy, { recursive: true });
    expect((await stat(join(copy, 'cluster', 'base'))).uid).toBe(0);
    dataDir = copy;
    expect(await query((await start()).url, 'SELECT value FROM kept')).toBe(42);
    expect((await stat(join(copy, 'cluster', 'base'))).uid).toBe(NOBODY.uid);
  });

  it('finds a short place for the socket of a directory with a long name', async () => {
    dataDir = join(parent, 'n'.repeat(60), 'm'.repeat(60), 'postgres');
    const server = await start();
    expect(Buffer.byteLength(server.connectionOptions.host)).toBeLessThan(90);
    expect(await query(server.url, 'SELECT 1 AS value')).toBe(1);
  });

  asRoot('runs as a normal user', async () => {
    await chown(parent, NOBODY.uid, NOBODY.gid);
    const owner = await own(NOBODY);
    expect(owner.report).toMatchObject({ url: expect.stringContaining('postgresql://') });
    expect((await stat(join(dataDir, 'cluster'))).uid).toBe(NOBODY.uid);
    await owner.end('SIGTERM');
    expect(await postmasterPid()).toBeUndefined();
    // Started by root afterwards, it stays that user's.
    await (await start()).stop();
    expect((await stat(join(dataDir, 'cluster', 'base'))).uid).toBe(NOBODY.uid);
    const other = { uid: 12_345, gid: 12_345 };
    await chmod(dataDir, 0o777);
    expect((await own(other)).report).toMatchObject({ code: 'embedded-database-owner' });
  });

  it('takes over the server of an owner that was killed', async () => {
    const owner = await own();
    await query(owner.report.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await owner.end('SIGKILL');
    expect(await postmasterPid()).toBe(owner.report.postmaster);
    const log = recordLog();
    const server = await start(undefined, log);
    expect(await postmasterPid()).toBe(owner.report.postmaster);
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
    expect(log.lines).toContainEqual(expect.stringMatching(/^warn: a lock whose owner is gone was cleared/));
    expect(log.lines).toContainEqual(expect.stringMatching(/^info: .* was taken over$/));
    // The logger's own name for the process that logs.
    expect(log.facts.filter((facts) => 'pid' in (facts as object))).toEqual([]);
    await server.stop();
    expect(await postmasterPid()).toBeUndefined();
  });

  it('restarts a left server that runs with other settings', async () => {
    const owner = await own();
    await owner.end('SIGKILL');
    const server = await start({ work_mem: '5MB' });
    expect(await query(server.url, `SELECT current_setting('work_mem') AS value`)).toBe('5MB');
    expect(await postmasterPid()).not.toBe(owner.report.postmaster);
    expect(await identifyProcess(owner.report.postmaster)).toBeUndefined();
  });

  it('starts after owner and server were both killed', async () => {
    const owner = await own();
    await query(owner.report.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await owner.end('SIGKILL');
    process.kill(owner.report.postmaster, 'SIGKILL');
    const server = await start();
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
  });

  it('refuses a second owner, by name, and leaves the first alone', async () => {
    const owner = await own();
    await expect(start()).rejects.toMatchObject({
      kind: 'conflict',
      code: 'data-directory-in-use',
      details: { pid: owner.child.pid },
    });
    expect(await query(owner.report.url, 'SELECT 1 AS value')).toBe(1);
  });

  it('lets one of several that start at the same moment win', async () => {
    const results = await Promise.all([own(), own(), own()]);
    const codes = results.map((owner) => owner.report.code ?? 'runs');
    expect(codes.sort()).toEqual(['data-directory-in-use', 'data-directory-in-use', 'runs']);
  });

  it('tells a command beside a running server where it is', async () => {
    expect(await findRunningEmbeddedPostgres(dataDir)).toBeUndefined();
    const owner = await own();
    expect((await findRunningEmbeddedPostgres(dataDir))?.url).toBe(owner.report.url);
    await owner.end('SIGTERM');
    expect(await findRunningEmbeddedPostgres(dataDir)).toBeUndefined();
  });

  it('stops the server of a process that exits without a word', async () => {
    const owner = await own({ mode: 'exit' });
    const postmaster = await identifyProcess(owner.report.postmaster);
    if (postmaster === undefined) throw new Error('no postmaster');
    owner.child.stdin?.write('exit\n');
    await until('the server ends', async () => !(await isRunning(postmaster)));
  });

  it.each(['17', '19'])('refuses a directory of PostgreSQL %s and touches nothing', async (version) => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), `${version}\n`);
    await expect(start()).rejects.toMatchObject({
      kind: 'conflict',
      code: 'embedded-database-version',
      details: { found: version, supported: '18' },
    });
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '18\n');
    await start();
  });

  it('begins again where a creation was cut off', async () => {
    await mkdir(join(dataDir, 'cluster.new', 'base'), { recursive: true });
    await writeFile(join(dataDir, 'cluster.new', 'PG_VERSION'), '18\n');
    expect(await query((await start()).url, 'SELECT 1 AS value')).toBe(1);
    expect(existsSync(join(dataDir, 'cluster.new'))).toBe(false);
  });

  it('is not misled by a pid file that names another process, and does not harm that', async () => {
    await (await start()).stop();
    const innocent = spawn('sleep', ['60'], isRoot ? NOBODY : {});
    try {
      await writeFile(
        join(dataDir, 'cluster', 'postmaster.pid'),
        `${innocent.pid}\n${dataDir}/cluster\n1\n5432\n\n\n\n`,
      );
      expect(await query((await start()).url, 'SELECT 1 AS value')).toBe(1);
      expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
    } finally {
      innocent.kill('SIGKILL');
    }
  });

  it('starts the server again when it crashes', async () => {
    const log = recordLog();
    const server = await start(undefined, log);
    await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = await postmasterPid();
    process.kill(pid ?? 0, 'SIGKILL');
    await until('another server runs', () => log.lines.includes('info: the embedded database runs again'));
    expect(await postmasterPid()).not.toBe(pid);
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
    expect(log.lines).toContain('error: the embedded database ended by itself');
  });

  it('says in its log when one of its processes crashes, and nothing of failed statements', async () => {
    const server = await start();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await expect(client.query('SELECT nonsense')).rejects.toThrow('nonsense');
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    client.on('error', () => undefined);
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    const log = () => readFile(join(dataDir, 'postgres.log'), 'utf8');
    await until('it recovers', async () => (await log()).includes('is ready to accept connections'));
    await until('it says so', async () => (await log()).includes('was terminated by signal 9'));
    expect(await log()).not.toContain('nonsense');
  });

  it('ends its server when another process has taken the directory, and touches nothing of that', async () => {
    let lost = false;
    const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger, onLost: () => (lost = true) });
    const postmaster = await findPostmaster(join(dataDir, 'cluster'));
    await writeFile(join(dataDir, 'lock'), 'of another');
    await until('it is told', () => lost);
    expect(await identifyProcess(postmaster?.process.pid ?? 0)).toBeUndefined();
    await server.stop();
    expect(existsSync(server.connectionOptions.host)).toBe(true);
    expect(await readFile(join(dataDir, 'lock'), 'utf8')).toBe('of another');
  });

  it('leaves the server alone while it has no descriptor left to look at it with', async () => {
    const owner = await own({ mode: 'crowd' });
    owner.child.stdin?.write('open\n');
    await until('it has looked', () => owner.logged.length > 0);
    expect(owner.logged).toEqual([expect.stringContaining('cannot be told at present')]);
    expect(await postmasterPid()).toBe(owner.report.postmaster);
    expect(await query(owner.report.url, 'SELECT 1 AS value')).toBe(1);
    // Nor does it take it for ended when it is to stop it.
    await owner.end('SIGTERM');
    await until('the server ends', async () => (await postmasterPid()) === undefined);
  });

  it('says why the server does not start, and gives the directory free', async () => {
    await expect(start({ shared_buffers: 'plenty' })).rejects.toMatchObject({
      code: 'embedded-database-start-failed',
      message: expect.stringContaining('shared_buffers'),
    });
    await start();
  });
});

/** The column `value` of the last statement's first row. */
async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const results = [await client.query<{ value?: unknown }>(sql)].flat();
    return results.at(-1)?.rows[0]?.value;
  } finally {
    await client.end();
  }
}
