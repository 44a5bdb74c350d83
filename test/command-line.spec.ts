import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { startSampleUpstream } from '../src/sample-upstream/sample-server.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { haishin } from './support/built-command.js';
import { ApiCaller, spawnHaishin, type SpawnedHaishin } from './support/haishin.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('the command line', () => {
  let upstream: Awaited<ReturnType<typeof startSampleUpstream>>;
  let database: TestDatabase;
  let dataDir: string;
  let server: SpawnedHaishin;
  let env: Record<string, string>;

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.005 }) });
    database = await createTestDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    server = await spawnHaishin({ dataDir, databaseUrl: database.url, upstreamUrl: upstream.url });
    env = { HAISHIN_DATA_DIR: dataDir, DATABASE_URL: database.url };
  });

  afterAll(async () => {
    await server?.kill('SIGKILL');
    await database?.drop();
    await upstream?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('takes it well when nobody reads its output any more', async () => {
    for (const args of [['openapi'], ['status', '--json'], ['--help']]) {
      const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
        env: { ...process.env, NODE_OPTIONS: '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      const said = text(child.stderr);
      const [code] = (await once(child, 'exit')) as [number];
      expect({ args, code, said: await said }).toEqual({ args, code: 0, said: '' });
    }
  });

  it('finds the server by its data directory, downloads and shows where things stand', async () => {
    const download = await haishin(['download', '--json'], env);
    expect(download.stderr).toBe('');
    expect(JSON.parse(download.stdout)).toMatchObject({ state: 'succeeded' });
    const status = await haishin(['status', '--json'], env);
    const { components, channels } = JSON.parse(status.stdout);
    expect(components.find((each: { id: string }) => each.id === 'virus-pattern')).toMatchObject({
      current: { version: '17.241.80', channel: 'japan', origin: 'derived' },
      available: { state: 'version', version: '17.241.00' },
      updateNeeded: false,
    });
    expect(channels.map((each: { id: string }) => each.id)).toEqual(['global', 'japan']);
    const table = await haishin(['status'], env);
    expect(table.stdout).toContain('url-filtering-engine');
    expect(table.stdout).toContain('0.0');
  });

  it('speaks Japanese on a Japanese terminal, except to scripts', async () => {
    const japanese = { ...env, LC_ALL: 'ja_JP.UTF-8' };
    const table = await haishin(['status'], japanese);
    expect(table.stdout).toMatch(/virus-pattern +│ 17\.241\.80 \(派生\)/);
    expect(table.stdout).toMatch(/^japan: スナップショット .+ に公開$/m);
    expect((await haishin(['download'], japanese)).stdout).toMatch(/^変更なし: /);
    expect((await haishin(['status', '--help'], japanese)).stdout).toMatch(
      /^使い方: haishin status .*[^]*\nオプション:\n/,
    );
    const [ja, en] = await Promise.all([japanese, env].map((where) => haishin(['status', '--json'], where)));
    expect(ja?.stdout).toBe(en?.stdout);
  });

  it('makes tokens that work at once, lists them without secrets, and ends them', async () => {
    const made = await haishin(['token', 'create', 'night shift', '--role', 'viewer'], env);
    const api = new ApiCaller(server.http, made.stdout.trim());
    expect((await api.get('/api/v1/components')).status).toBe(200);
    expect((await api.post('/api/v1/downloads')).body).toMatchObject({ code: 'role-insufficient', status: 403 });
    const list = await haishin(['token', 'list'], env);
    expect(list.stdout).toContain('night shift');
    expect(list.stdout).not.toContain(made.stdout.trim());
    await haishin(['token', 'create', 'a moment', '--days', '0.000001'], env);
    expect((await haishin(['token', 'list'], env)).stdout).toMatch(/ {2}a moment {2}expired \w{3} \d+, \d{4}, .+$/m);
    expect((await haishin(['token', 'revoke', 'night shift'], env)).code).toBe(0);
    expect((await api.get('/api/v1/components')).status).toBe(401);
    const { body } = await server.api.get('/api/v1/audit?limit=3');
    const known = JSON.parse((await haishin(['token', 'list', '--json'], env)).stdout) as {
      id: string;
      name: string;
    }[];
    const idOf = (name: string): string | undefined => known.find((each) => each.name === name)?.id;
    expect(body.items).toMatchObject([
      { actor: 'command line', action: 'token.revoke', object: idOf('night shift') },
      { actor: 'command line', action: 'token.create', object: idOf('a moment'), details: { role: 'administrator' } },
      {
        actor: 'command line',
        action: 'token.create',
        object: idOf('night shift'),
        details: { name: 'night shift', role: 'viewer', expiresAt: null },
      },
    ]);
  });

  it.each([
    [['x', '--days', 'soon'], 'a number of days above 0'],
    [['x', '--days', '0'], 'a number of days above 0'],
    [['x', '--days', '-1'], 'a number of days above 0'],
    [[' '], 'a name of 1 to 200 characters'],
  ])('makes no token of %j', async (args, text) => {
    const made = await haishin(['token', 'create', ...args], env);
    expect(made).toMatchObject({ code: 1, stdout: '' });
    expect(made.stderr).toContain(text);
  });

  it('revokes a token that could not be printed', async () => {
    const made = await haishin(['token', 'create', 'lost'], env, { stdout: '/dev/full' });
    expect(made).toMatchObject({ code: 1, stderr: expect.stringContaining('token-not-printed: ') as unknown });
    expect((await haishin(['token', 'list'], env)).stdout).toMatch(/ {2}lost {2}revoked$/m);
  });

  it.each([
    [['openapi'], { stdout: '/dev/full' }, /^output-failed: .*ENOSPC[^\n]*\n$/],
    [['openapi', '--out', '/none/x'], {}, /^file-not-writable: \/none\/x cannot be written: [^\n]*\n$/],
    [['command-states', '--out', '/none/x'], {}, /^file-not-writable: [^\n]*\n$/],
    [['status', '--token', 'a\nb'], {}, /^token-malformed: [^\n]*\n$/],
    [['upload', 'virus-pattern', tmpdir()], {}, /^not-a-file: [^\n]*\n$/],
    [['upload', 'virus-pattern', '/none/x'], {}, /^file-not-found: [^\n]*\n$/],
  ])('says what is wrong, in a line: %j', async (args, where, said) => {
    expect(await haishin(args, env, where)).toMatchObject({ code: 1, stderr: expect.stringMatching(said) as unknown });
  });

  it('the built program finds what its libraries bring: the documentation of the API, the checks of input', async () => {
    const style = await fetch(`${server.http}/api/docs/swagger-ui.css`);
    expect(style.status).toBe(200);
    expect(style.headers.get('content-type')).toContain('text/css');
    const api = new ApiCaller(server.http);
    const answer = await api.call('PUT', '/api/v1/settings/download-schedule', { enabled: 'perhaps' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  });

  it('a second server that cannot start ends, and leaves the first one to be found', async () => {
    const second = await haishin(['serve'], {
      ...env,
      HAISHIN_HOST: '127.0.0.1',
      HAISHIN_HTTP_PORT: new URL(server.http).port,
      HAISHIN_HTTPS_PORT: '0',
    });
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toContain('port-in-use');
    expect((await haishin(['status'], env)).code).toBe(0);
  });

  it.each(['0', '2'])('a server whose port is taken ends, and leaves nothing behind (%s workers)', async (workers) => {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-taken-'));
    const second = await haishin(['serve', '--workers', workers], {
      ...env,
      HAISHIN_DATA_DIR: directory,
      HAISHIN_HOST: '127.0.0.1',
      HAISHIN_HTTP_PORT: new URL(server.http).port,
      HAISHIN_HTTPS_PORT: '0',
    });
    expect(second).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('port-in-use') });
    expect(await readdir(join(directory, 'run')).catch(() => [])).toEqual([]);
    await rm(directory, { recursive: true });
  });

  it('gives the token of the server on this host to no other', async () => {
    const asked: (string | undefined)[] = [];
    const other = createServer((req, res) => {
      asked.push(req.headers.authorization);
      res.writeHead(401).end();
    });
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const result of [
      await haishin(['status', '--url', url], env),
      await haishin(['status'], { ...env, HAISHIN_URL: url }),
      await haishin(['status', '--url', url], { HAISHIN_DATA_DIR: join(dataDir, 'nowhere') }),
    ])
      expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('token-missing: A token of') });
    expect(asked).toEqual([]);
    await haishin(['status', '--url', url, '--token', 'its-own'], env);
    expect(asked[0]).toBe('Bearer its-own');
    other.close();
    const { http } = JSON.parse(await readFile(join(dataDir, 'run', 'server.json'), 'utf8'));
    expect(await haishin(['status', '--url', `${http}/`], env)).toMatchObject({ code: 0 });
  });

  it('says what is wrong when no server runs', async () => {
    const result = await haishin(['status'], { HAISHIN_DATA_DIR: join(dataDir, 'elsewhere') });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('server-not-running');
  });

  // A site may be given its token before its first start: `create` makes one.
  it.each([['list'], ['revoke', 'me']])('token %s makes no database where there is none', async (...args) => {
    const empty = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    const result = await haishin(['token', ...args], { HAISHIN_DATA_DIR: empty, DATABASE_URL: '' });
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^database-absent: /) });
    expect(result.stderr).toContain(empty);
    expect(await readdir(empty)).toEqual([]);
    await rm(empty, { recursive: true });
  });

  it('reports every fault of the configuration together and does not start', async () => {
    const result = await haishin(['serve'], {
      ...env,
      HAISHIN_HTTP_PORT: 'eighty',
      HAISHIN_TLS_CERT: '/only/one/of/two.pem',
      HAISHIN_UPSTREAM_URL: 'gopher://upstream',
      HAISHIN_LOG_LEVEL: 'loud',
    });
    expect(result.code).toBe(1);
    expect(result.stdout).toBe('');
    for (const name of ['HAISHIN_HTTP_PORT', 'HAISHIN_TLS_CERT', 'HAISHIN_UPSTREAM_URL', 'HAISHIN_LOG_LEVEL'])
      expect(result.stderr).toContain(name);
  });

  it('a second server on an embedded database names the first one, not its ports', async () => {
    const own = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    const first = await spawnHaishin({ dataDir: own, upstreamUrl: upstream.url });
    const ports = { HAISHIN_HTTP_PORT: new URL(first.http).port, HAISHIN_HTTPS_PORT: new URL(first.https).port };
    const variables = { HAISHIN_DATA_DIR: own, HAISHIN_HOST: '127.0.0.1', DATABASE_URL: '', ...ports };
    const second = await haishin(['serve'], variables);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/^data-directory-in-use: .*process \d+/m);
    expect(await first.kill('SIGTERM')).toBe(0);
    await rm(own, { recursive: true, force: true });
  });

  it('a server whose embedded database another one took ends, and leaves it to that one', async () => {
    const own = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    const first = await spawnHaishin({ dataDir: own, upstreamUrl: upstream.url });
    await writeFile(join(own, 'postgres', 'lock'), 'of another');
    expect(await first.ended).toBe(1);
    expect(await readFile(join(own, 'postgres', 'lock'), 'utf8')).toBe('of another');
    await rm(own, { recursive: true, force: true });
  });

  it('logs nothing but JSON, the fingerprint of a self-issued certificate included', () => {
    const lines = server
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ fingerprintSha256: expect.stringMatching(/^([0-9A-F]{2}:){31}/) }),
    );
  });

  // The last is what a closed terminal sends.
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('drains, ends with 0 and leaves nothing on %s', async (signal) => {
    const other = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    const options = { dataDir: other, databaseUrl: database.url, upstreamUrl: upstream.url };
    const second = await spawnHaishin({ ...options, args: ['--workers', '1'] });
    expect(await second.kill(signal)).toBe(0);
    expect(await readdir(join(other, 'run'))).toEqual([]);
    await rm(other, { recursive: true, force: true });
  });

  it('serves and stops as ever when nothing takes its log any more', async () => {
    const other = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    const full = openSync('/dev/full', 'w');
    const options = { dataDir: other, databaseUrl: database.url, upstreamUrl: upstream.url, log: full };
    const second = await spawnHaishin({ ...options, env: { HAISHIN_LOG_LEVEL: 'trace' } });
    expect(await second.kill('SIGHUP')).toBe(0);
    closeSync(full);
    await rm(other, { recursive: true, force: true });
  });
});
