import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findRunningEmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { identifyProcess, isRunning } from '../../src/database/embedded/process-identity.js';
import { recordLog } from '../support/log-recorder.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';
import { EmbeddedSite, query } from './embedded-site.js';

const isRoot = process.geteuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };

describe('those who own an embedded PostgreSQL', () => {
  let site: EmbeddedSite;
  beforeEach(async () => {
    site = await EmbeddedSite.open();
  });
  afterEach(() => site.close());

  it('takes over the server of an owner that was killed', async () => {
    const owner = await site.own();
    await query(owner.report.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await owner.end('SIGKILL');
    expect(await site.postmasterPid()).toBe(owner.report.postmaster);
    const log = recordLog();
    const server = await site.start(undefined, log);
    expect(await site.postmasterPid()).toBe(owner.report.postmaster);
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
    expect(log.lines).toContainEqual(expect.stringMatching(/^warn: a lock whose owner is gone was cleared/));
    expect(log.lines).toContainEqual(expect.stringMatching(/^info: .* was taken over$/));
    // The logger's own name for the process that logs.
    expect(log.facts.filter((facts) => 'pid' in (facts as object))).toEqual([]);
    await server.stop();
    expect(await site.postmasterPid()).toBeUndefined();
  });

  it('restarts a left server that runs with other settings', async () => {
    const owner = await site.own();
    await owner.end('SIGKILL');
    const server = await site.start({ work_mem: '5MB' });
    expect(await query(server.url, `SELECT current_setting('work_mem') AS value`)).toBe('5MB');
    expect(await site.postmasterPid()).not.toBe(owner.report.postmaster);
    expect(await identifyProcess(owner.report.postmaster)).toBeUndefined();
  });

  it('starts after owner and server were both killed', async () => {
    const owner = await site.own();
    await query(owner.report.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await owner.end('SIGKILL');
    process.kill(owner.report.postmaster, 'SIGKILL');
    const server = await site.start();
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
  });

  it('refuses a second owner, by name, and leaves the first alone', async () => {
    const owner = await site.own();
    await expect(site.start()).rejects.toMatchObject({
      kind: 'conflict',
      code: 'data-directory-in-use',
      details: { pid: owner.child.pid },
    });
    expect(await query(owner.report.url, 'SELECT 1 AS value')).toBe(1);
  });

  it('lets one of several that start at the same moment win', async () => {
    const results = await Promise.all([site.own(), site.own(), site.own()]);
    const codes = results.map((owner) => owner.report.code ?? 'runs');
    expect(codes.sort()).toEqual(['data-directory-in-use', 'data-directory-in-use', 'runs']);
  });

  it('tells a command beside a running server where it is', async () => {
    expect(await findRunningEmbeddedPostgres(site.dataDir)).toBeUndefined();
    const owner = await site.own();
    expect((await findRunningEmbeddedPostgres(site.dataDir))?.url).toBe(owner.report.url);
    await owner.end('SIGTERM');
    expect(await findRunningEmbeddedPostgres(site.dataDir)).toBeUndefined();
  });

  it('stops the server of a process that exits without a word', async () => {
    const owner = await site.own({ mode: 'exit' });
    const postmaster = await identifyProcess(owner.report.postmaster);
    if (postmaster === undefined) throw new Error('no postmaster');
    owner.child.stdin?.write('exit\n');
    await until('the server ends', async () => !(await isRunning(postmaster)));
  });

  it('ends its server when another process has taken the directory, and touches nothing of that', async () => {
    let lost = false;
    const server = await startEmbeddedPostgres({
      dataDir: site.dataDir,
      logger: silentLogger,
      onLost: () => (lost = true),
    });
    const postmaster = await findPostmaster(join(site.dataDir, 'cluster'));
    await writeFile(join(site.dataDir, 'lock'), 'of another');
    await until('it is told', () => lost);
    expect(await identifyProcess(postmaster?.process.pid ?? 0)).toBeUndefined();
    await server.stop();
    expect(existsSync(server.connectionOptions.host)).toBe(true);
    expect(await readFile(join(site.dataDir, 'lock'), 'utf8')).toBe('of another');
  });

  it('leaves the server alone while it has no descriptor left to look at it with', async () => {
    const owner = await site.own({ mode: 'crowd' });
    owner.child.stdin?.write('open\n');
    await until('it has looked', () => owner.logged.length > 0);
    expect(owner.logged).toEqual([expect.stringContaining('cannot be told at present')]);
    expect(await site.postmasterPid()).toBe(owner.report.postmaster);
    expect(await query(owner.report.url, 'SELECT 1 AS value')).toBe(1);
    // Nor does it take it for ended when it is to stop it.
    await owner.end('SIGTERM');
    await until('the server ends', async () => (await site.postmasterPid()) === undefined);
  });

  it('is not misled by a pid file that names another process, and does not harm that', async () => {
    await (await site.start()).stop();
    const innocent = spawn('sleep', ['60'], isRoot ? NOBODY : {});
    try {
      await writeFile(
        join(site.dataDir, 'cluster', 'postmaster.pid'),
        `${innocent.pid}\n${site.dataDir}/cluster\n1\n5432\n\n\n\n`,
      );
      expect(await query((await site.start()).url, 'SELECT 1 AS value')).toBe(1);
      expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
    } finally {
      innocent.kill('SIGKILL');
    }
  });
});
