import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { haishin } from './support/built-command.js';
import { createTestDatabase } from './support/test-database.js';
import { until } from './support/until.js';

describe('quickstart', () => {
  const ports = { HAISHIN_HTTP_PORT: '0', HAISHIN_HTTPS_PORT: '0' };

  it('shows the whole main job on the embedded database and cleans up', async () => {
    const result = await haishin(['quickstart', '--once'], { ...ports, DATABASE_URL: '' });
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^listening http=http:\/\/127\.0\.0\.1:\d+ https=https:\/\/127\.0\.0\.1:\d+$/m);
    expect(result.stdout).toMatch(/japan +P\.4=\S+ 1724280,/);
    expect(result.stdout).toMatch(/deployed virus-pattern: \d+ succeeded/);
    // Nobody can try anything at a server that has stopped.
    expect(result.stdout).not.toMatch(/curl|publishes something new every/);
    expect(result.stdout).toMatch(/stopped again\.\n$/);
  });

  it('speaks Japanese on a Japanese terminal, except where scripts listen', async () => {
    const result = await haishin(['quickstart', '--once'], { ...ports, DATABASE_URL: '', LC_ALL: 'ja_JP.UTF-8' });
    expect(result).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') as unknown });
    expect(result.stdout).toMatch(/^listening http=\S+ https=\S+$/m);
    expect(result.stdout).toMatch(/^ {3}成功、[\d.]+ MB、[\d.]+ 秒、\d+ コンポーネント$/m);
    expect(result.stdout).toMatch(/^ {3}virus-pattern の配信結果: .*成功 \d+ 台/m);
  });

  it('takes .env for what is set there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    await chmod(directory, 0o755);
    const dataDir = join(directory, 'data');
    const set = (lines: string[]): Promise<void> => writeFile(join(directory, '.env'), lines.join('\n'));
    try {
      await set(['HAISHIN_HTTP_PORT=off']);
      expect(await haishin(['quickstart', '--once'], {}, { cwd: directory })).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^http-needed: /m) as unknown,
      });
      await set([`HAISHIN_DATA_DIR=${dataDir}`, 'HAISHIN_HOST=127.0.0.2', 'HAISHIN_HTTP_PORT=0']);
      const result = await haishin(['quickstart', '--once'], { HAISHIN_HTTPS_PORT: 'off' }, { cwd: directory });
      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('http=http://127.0.0.2:') as unknown });
      expect(await readdir(dataDir)).toContain('published');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it.each([
    ['its directory is there', 'postgres'],
    ['its database starts', 'postgres/cluster/postmaster.pid'],
  ])('leaves nothing when it is ended before it listens: when %s', async (_, sign) => {
    const temporary = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    await chmod(temporary, 0o755);
    const child = spawn(process.execPath, [resolve('dist/cli.js'), 'quickstart'], {
      env: { ...process.env, NODE_OPTIONS: '', ...ports, DATABASE_URL: '', TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(child, 'exit');
    const stdout = text(child.stdout);
    const inside = async (): Promise<string | undefined> =>
      (await readdir(temporary)).find((name) => name.startsWith('haishin-quickstart-'));
    try {
      await until(sign, async () => existsSync(join(temporary, (await inside()) ?? 'none', sign)), 20_000);
      child.kill('SIGINT');
      expect(await ended).toEqual([0, null]);
      expect(await stdout).not.toContain('curl');
      expect(await inside()).toBeUndefined();
    } finally {
      child.kill('SIGKILL');
      await rm(temporary, { recursive: true, force: true });
    }
  });

  it('begins no sample over the content of another database', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    await mkdir(join(dataDir, 'published', 'global'), { recursive: true });
    await symlink('01ARZ3NDEKTSV4RRFFQ69G5FAV', join(dataDir, 'published', 'global', 'current'));
    try {
      const env = { ...ports, DATABASE_URL: '', HAISHIN_DATA_DIR: dataDir };
      expect(await haishin(['quickstart', '--once'], env)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^not-sample-data: /m) as unknown,
      });
      expect(await readdir(dataDir)).toEqual(['published']);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it.each([
    ['a value that is none', { HAISHIN_WORKERS: 'many' }, /^config-invalid: .*\n {2}- HAISHIN_WORKERS must be/m],
    ['no HTTP', { HAISHIN_HTTP_PORT: 'OFF' }, /^http-needed: /m],
    ['a certificate that is not there', { HAISHIN_TLS_CERT: '/none.pem', HAISHIN_TLS_KEY: '/none.key' }, /^tls-file-/m],
    ['a port that is taken', { HAISHIN_HTTP_PORT: 'taken' }, /^port-in-use: /m],
    ['a database that is not there', { DATABASE_URL: 'postgres://127.0.0.1:1/none' }, /^database-unavailable: /m],
  ])('ends with what is wrong, and leaves nothing: %s', async (_, wrong, said) => {
    const temporary = await mkdtemp(join(tmpdir(), 'haishin-cli-'));
    // As root, the embedded database runs as somebody else.
    await chmod(temporary, 0o755);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    try {
      const env = { ...ports, DATABASE_URL: '', TMPDIR: temporary, ...wrong };
      if (env.HAISHIN_HTTP_PORT === 'taken') env.HAISHIN_HTTP_PORT = port;
      expect(await haishin(['quickstart'], env)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(said) as unknown,
      });
      expect((await readdir(temporary)).filter((name) => name.startsWith('haishin-quickstart-'))).toEqual([]);
    } finally {
      taken.close();
      await rm(temporary, { recursive: true, force: true });
    }
  });

  it('goes on with data that was kept, unless they are of another source', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'haishin-quickstart-'));
    const database = await createTestDatabase();
    try {
      const env = { ...ports, HAISHIN_DATA_DIR: dataDir, DATABASE_URL: database.url };
      expect(await haishin(['quickstart', '--once', '--every', '0'], env)).toMatchObject({ code: 0 });
      const again = await haishin(['quickstart', '--once', '--every', '0'], env);
      expect(again).toMatchObject({ code: 0 });
      expect(again.stdout).toMatch(/japan +P\.4=\S+ 1724380,/);
      expect(again.stdout).toMatch(/deployed virus-pattern: \d+ succeeded/);

      const other = await createTestDatabase();
      const foreign = await haishin(['quickstart', '--once'], { ...env, DATABASE_URL: other.url });
      await other.drop();
      expect(foreign).toMatchObject({ code: 1, stderr: expect.stringMatching(/^not-sample-data: /m) as unknown });

      const node = new pg.Client({ connectionString: database.url });
      await node.connect();
      await node.query(`update setting set value = jsonb_set(value, '{sources,0,url}', '"http://source.example/au"')
        where key = 'update-source'`);
      await node.end();
      expect(await haishin(['quickstart'], env)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('not-sample-data') as unknown,
      });
    } finally {
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
