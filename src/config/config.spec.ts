import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { findServer } from '../cli/api-client.js';
import { loadConfig, VENDOR_UPSTREAM_URL } from './config.js';

function faultsOf(variables: Record<string, string>, overrides: Parameters<typeof loadConfig>[0] = {}): string[] {
  try {
    loadConfig(overrides, variables);
  } catch (error) {
    expect(error).toMatchObject({ kind: 'bad-input', code: 'config-invalid' });
    return (error as { details: { faults: string[] } }).details.faults;
  }
  return [];
}

describe('a .env file where a command is started', () => {
  const here = process.cwd();
  const before = { ...process.env };
  const directory = mkdtempSync(join(tmpdir(), 'haishin-env-'));
  beforeEach(() => process.chdir(directory));
  afterEach(() => {
    process.chdir(here);
    process.env = { ...before };
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('gives the password of the database, unless the environment does', () => {
    writeFileSync('.env', 'DATABASE_URL=postgresql://haishin@db/haishin\nPGPASSWORD=of-the-file\n');
    const password = () => new pg.Client({ connectionString: loadConfig().databaseUrl }).password;
    delete process.env['PGPASSWORD'];
    expect(password()).toBe('of-the-file');
    process.env['PGPASSWORD'] = 'of-the-environment';
    expect(password()).toBe('of-the-environment');
  });

  it('tells commands where the server is', async () => {
    writeFileSync('.env', 'HAISHIN_URL=https://haishin.example/\nHAISHIN_TOKEN=its-token\n');
    expect(await findServer({})).toEqual({ url: 'https://haishin.example', token: 'its-token' });
  });
});

describe('the configuration', () => {
  it('has defaults for everything', () => {
    expect(loadConfig({}, {})).toMatchObject({
      dataDir: resolve('data'),
      databaseUrl: undefined,
      host: '0.0.0.0',
      httpPort: 8080,
      httpsPort: 8443,
      upstreamUrl: VENDOR_UPSTREAM_URL,
      proxyUrl: undefined,
      logLevel: 'info',
      workers: 0,
      trustedProxies: [],
      clientCertHeader: undefined,
    });
  });

  it('takes what is given, and blank as not given', () => {
    const config = loadConfig(
      {},
      {
        HAISHIN_DATA_DIR: '/srv/haishin',
        DATABASE_URL: 'postgresql://user@/db?host=/run/pg',
        HAISHIN_HOST: '::1',
        HAISHIN_HTTP_PORT: '0',
        HAISHIN_HTTPS_PORT: 'OFF',
        HAISHIN_UPSTREAM_URL: 'file:///mnt/share',
        HAISHIN_PROXY_URL: ' ',
        HAISHIN_WORKERS: '4',
        HAISHIN_TRUSTED_PROXIES: '10.0.0.1, 192.168.0.0/16',
        HAISHIN_LOG_LEVEL: '',
      },
    );
    expect(config).toMatchObject({
      dataDir: '/srv/haishin',
      httpPort: 0,
      httpsPort: 'off',
      upstreamUrl: 'file:///mnt/share',
      proxyUrl: undefined,
      workers: 4,
      trustedProxies: ['10.0.0.1', '192.168.0.0/16'],
      logLevel: 'info',
    });
  });

  it('lets what the command line gives go before the environment', () => {
    const config = loadConfig(
      { httpPort: 1234, host: undefined as unknown as string },
      { HAISHIN_HTTP_PORT: '99', HAISHIN_HOST: 'a' },
    );
    expect(config).toMatchObject({ httpPort: 1234, host: 'a' });
  });

  it('holds what the command line gives to the limits of the environment', () => {
    const workers = 'HAISHIN_WORKERS must be a whole number from 0 to 64';
    expect(faultsOf({}, { workers: 65 })).toEqual([workers]);
    expect(faultsOf({ HAISHIN_WORKERS: '99' }, { workers: 64 })).toEqual([]);
    expect(faultsOf({ HAISHIN_HOST: 'two words' }, { workers: 99, httpPort: 70000 })).toHaveLength(3);
    expect(loadConfig({ trustedProxies: ['10.0.0.1', '::1'], httpsPort: 'off', workers: 0 }, {})).toMatchObject({
      trustedProxies: ['10.0.0.1', '::1'],
      httpsPort: 'off',
      workers: 0,
    });
  });

  it('names every fault at once', () => {
    const faults = faultsOf({
      DATABASE_URL: 'mysql://x',
      HAISHIN_HOST: 'two words',
      HAISHIN_HTTP_PORT: '70000',
      HAISHIN_HTTPS_PORT: 'http',
      HAISHIN_UPSTREAM_URL: 'ftp://x',
      HAISHIN_PROXY_URL: 'proxy',
      HAISHIN_BOOTSTRAP_TOKEN: 'short',
      HAISHIN_PUBLIC_URL: 'nowhere',
      HAISHIN_LOG_LEVEL: 'loud',
      HAISHIN_WORKERS: '-1',
      HAISHIN_TLS_CERT: '/cert.pem',
    });
    for (const name of [
      'DATABASE_URL',
      'HAISHIN_HOST',
      'HAISHIN_HTTP_PORT',
      'HAISHIN_HTTPS_PORT',
      'HAISHIN_UPSTREAM_URL',
      'HAISHIN_PROXY_URL',
      'HAISHIN_BOOTSTRAP_TOKEN',
      'HAISHIN_PUBLIC_URL',
      'HAISHIN_LOG_LEVEL',
      'HAISHIN_WORKERS',
      'HAISHIN_TLS_KEY',
    ])
      expect(faults.join('\n')).toContain(name);
  });

  it('says one thing about each value', () => {
    const names = ['HAISHIN_HTTP_PORT', 'HAISHIN_HTTPS_PORT', 'HAISHIN_WORKERS'];
    const faults = faultsOf(Object.fromEntries(names.map((name) => [name, 'eighty'])));
    expect(faults).toEqual(names.map((name) => expect.stringMatching(`^${name} must be `)));
  });

  it('refuses authorities of client certificates where no client could show one', () => {
    expect(faultsOf({ HAISHIN_CLIENT_CA: '/ca.pem', HAISHIN_HTTPS_PORT: 'off' })).toEqual([
      expect.stringMatching(/^HAISHIN_CLIENT_CA .* HAISHIN_HTTPS_PORT is off/),
    ]);
    expect(loadConfig({}, { HAISHIN_CLIENT_CA: '/ca.pem' }).clientCaFile).toBe('/ca.pem');
  });

  it.each([
    'https://upstream.example/activeupdate/server.ini',
    'https://upstream.example/activeupdate/Server.ini/',
    'https://upstream.example/activeupdate?product=7',
    'file:///mnt/share#japan',
    '/mnt/share/server.ini',
  ])('takes only the folder of the manifest for the upstream, as the settings do: not %s', (url) => {
    expect(faultsOf({ HAISHIN_UPSTREAM_URL: url })).toEqual([
      'HAISHIN_UPSTREAM_URL must be the folder in which server.ini lies: without server.ini itself, and without a query (?) or fragment (#)',
    ]);
  });

  it('takes no login for the upstream: who reads the settings would see it', () => {
    for (const url of ['https://user:secret@upstream.example/activeupdate', 'http://user@upstream.example/'])
      expect(faultsOf({ HAISHIN_UPSTREAM_URL: url })).toEqual([
        'HAISHIN_UPSTREAM_URL must not hold a user or a password',
      ]);
  });

  it('refuses an upstream that only looks like an address, and takes an odd directory', () => {
    for (const url of ['http://x:99999/', 'https://[::1/'])
      expect(faultsOf({ HAISHIN_UPSTREAM_URL: url })).toEqual(['HAISHIN_UPSTREAM_URL is no valid address']);
    for (const url of ['/mnt/share#1?', 'https://upstream.example/server.ini.d/'])
      expect(faultsOf({ HAISHIN_UPSTREAM_URL: url })).toEqual([]);
  });

  it.each([
    '10.0.0.0/99',
    '10.0.0.256',
    '10.0.0.0/',
    '10/8',
    '::1/129',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    'proxy.example',
  ])('believes no %s in what it is told of the client', (network) => {
    expect(faultsOf({ HAISHIN_TRUSTED_PROXIES: `10.0.0.1, ${network}`, HAISHIN_WORKERS: '-1' })).toEqual([
      expect.stringContaining('HAISHIN_WORKERS'),
      `HAISHIN_TRUSTED_PROXIES must be addresses or networks, separated by commas; not so: ${network}`,
    ]);
  });

  it('takes addresses and networks of both kinds to be believed', () => {
    const text = '10.0.0.1 0.0.0.0/0,fd00::/8, ::1 2001:db8::/128';
    expect(loadConfig({}, { HAISHIN_TRUSTED_PROXIES: text }).trustedProxies).toHaveLength(5);
  });

  it('takes the header of certificate names only for proxies that are named', () => {
    const HAISHIN_TRUSTED_PROXIES = '10.0.0.1';
    const given = { HAISHIN_TRUSTED_PROXIES, HAISHIN_CLIENT_CERT_HEADER: ' X-Client-CN ' };
    expect(loadConfig({}, given).clientCertHeader).toBe('X-Client-CN');
    expect(faultsOf({ HAISHIN_CLIENT_CERT_HEADER: 'X-Client-CN' })).toEqual([
      expect.stringMatching(/^HAISHIN_CLIENT_CERT_HEADER has no use without HAISHIN_TRUSTED_PROXIES/),
    ]);
    for (const name of ['X Client', 'X_Client:', 'Authorization', 'host', 'User-Agent', 'X-Forwarded-For'])
      expect(faultsOf({ HAISHIN_TRUSTED_PROXIES, HAISHIN_CLIENT_CERT_HEADER: name })).toEqual([
        expect.stringMatching(/^HAISHIN_CLIENT_CERT_HEADER must be /),
      ]);
    for (const name of ['x-haishin-client-cn', 'If-None-Match', 'Sec-Fetch-Site', 'accept'])
      expect(faultsOf({ HAISHIN_TRUSTED_PROXIES, HAISHIN_CLIENT_CERT_HEADER: name })).toHaveLength(1);
    for (const name of ['SSL-Client-CN', 'Acceptable-Name', 'X-Host'])
      expect(faultsOf({ HAISHIN_TRUSTED_PROXIES, HAISHIN_CLIENT_CERT_HEADER: name })).toEqual([]);
  });

  it.each(['postgres://h:99999/x', 'postgres://user:pa/ss@h/x', 'postgres://[::1/x', 'postgres://', 'mysql://h/x'])(
    'takes no address of a database that cannot be read, and tells it with the other faults: %s',
    (url) => {
      expect(faultsOf({ DATABASE_URL: url, HAISHIN_WORKERS: '-1' })).toEqual([
        expect.stringMatching(/^DATABASE_URL must be a postgres:\/\/ URL/),
        expect.stringContaining('HAISHIN_WORKERS'),
      ]);
    },
  );

  it('takes addresses of databases with a host, and with a socket', () => {
    for (const url of [
      'postgres://h/x',
      'postgresql://u:p%40@[::1]:5432/x?sslmode=require',
      'postgres://u@/x?host=/run',
    ])
      expect(loadConfig({}, { DATABASE_URL: url }).databaseUrl).toBe(url);
  });

  it.each(['/proc/x', '/proc/self', '/sys/x/y'])(
    'refuses %s for a data directory: nothing can be stored there',
    (path) => {
      expect(faultsOf({ HAISHIN_DATA_DIR: path })).toEqual([
        `HAISHIN_DATA_DIR must be on a disk: nothing can be stored in ${path}`,
      ]);
    },
  );

  it('refuses a file for a data directory, or as a part of its path', () => {
    const directory = mkdtempSync(join(tmpdir(), 'haishin-config-'));
    try {
      const file = join(directory, 'data');
      expect(faultsOf({ HAISHIN_DATA_DIR: file })).toEqual([]);
      writeFileSync(file, '');
      for (const path of [file, join(file, 'below')])
        expect(faultsOf({ HAISHIN_DATA_DIR: path })).toEqual([`HAISHIN_DATA_DIR must be a directory, ${path} is none`]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it.each([
    [{ HAISHIN_HTTP_PORT: 'off', HAISHIN_HTTPS_PORT: 'off' }, 'must not both be off'],
    [{ HAISHIN_TLS_KEY: '/key.pem' }, 'must be given together'],
    [{ HAISHIN_BOOTSTRAP_TOKEN: 'a'.repeat(20), HAISHIN_BOOTSTRAP_TOKEN_FILE: '/absent' }, 'must not both be given'],
    [{ HAISHIN_BOOTSTRAP_TOKEN_FILE: '/absent/token' }, 'cannot be read'],
    [{ HAISHIN_BOOTSTRAP_TOKEN: 'has a space in it' }, 'HAISHIN_BOOTSTRAP_TOKEN must have 8 to 512 ASCII'],
    [{ HAISHIN_BOOTSTRAP_TOKEN: '合言葉合言葉合言葉' }, 'HAISHIN_BOOTSTRAP_TOKEN must have 8 to 512 ASCII'],
    [{ HAISHIN_BOOTSTRAP_TOKEN: 'a'.repeat(513) }, 'HAISHIN_BOOTSTRAP_TOKEN must have 8 to 512 ASCII'],
    [{ HAISHIN_HTTP_PORT: '-1' }, 'HAISHIN_HTTP_PORT'],
    [{ HAISHIN_HTTP_PORT: '8080.5' }, 'HAISHIN_HTTP_PORT'],
  ])('refuses %j', (variables, words) => {
    expect(faultsOf(variables).join('\n')).toContain(words);
  });

  it('takes the bootstrap token without the blanks around it, as from a file', () => {
    const token = 'a-token-of-some-length';
    expect(loadConfig({}, { HAISHIN_BOOTSTRAP_TOKEN: ` ${token}\n` }).bootstrapToken).toBe(token);
  });

  it('reads the bootstrap token from a file, without the line end', () => {
    const directory = mkdtempSync(join(tmpdir(), 'haishin-config-'));
    try {
      const file = join(directory, 'token');
      writeFileSync(file, 'a-token-of-some-length\n');
      expect(loadConfig({}, { HAISHIN_BOOTSTRAP_TOKEN_FILE: file }).bootstrapToken).toBe('a-token-of-some-length');
      writeFileSync(file, 'has a space in it\n');
      expect(faultsOf({ HAISHIN_BOOTSTRAP_TOKEN_FILE: file }).join()).toContain('HAISHIN_BOOTSTRAP_TOKEN_FILE');
      writeFileSync(file, 'short\n');
      expect(faultsOf({ HAISHIN_BOOTSTRAP_TOKEN_FILE: file }).join()).toContain('HAISHIN_BOOTSTRAP_TOKEN_FILE');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
