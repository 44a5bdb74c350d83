import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/platform/clock/clock.js';
import { ManagedSite } from '../support/managed-site.js';
import { until } from '../support/until.js';

const SWUPDATE = '/usr/bin/swupdate';
const MISSING = [SWUPDATE, '/usr/bin/openssl', '/usr/bin/cpio'].filter((tool) => !existsSync(tool));
const withTools = MISSING.length === 0 ? describe : describe.skip;
if (MISSING.length > 0) console.warn(`skipped: SWUpdate as a client, for want of ${MISSING.join(', ')}`);

/** Debian's SWUpdate, unchanged: a client of hawkBit that we did not write. */
withTools('SWUpdate', () => {
  let site: ManagedSite;
  let directory: string;
  const running: ChildProcess[] = [];

  beforeAll(async () => {
    site = await ManagedSite.start({ clock: systemClock });
    directory = mkdtempSync(join(tmpdir(), 'haishin-swupdate-'));
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=vendor'],
      ...['-addext', 'extendedKeyUsage=emailProtection', '-keyout', 'vendor.key', '-out', 'vendor.pem'],
    );
    await site.component('firmware');
  });

  afterEach(async () => {
    for (const child of running.splice(0)) await stop(child);
  });

  const stop = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };

  afterAll(async () => {
    await site.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  const openssl = (...words: string[]): void => void execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });

  /** A signed image that writes one file. */
  const image = (target: string, content: string, signed = true): Buffer<ArrayBuffer> => {
    const sha256 = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(directory, 'pattern.bin'), content);
    writeFileSync(
      join(directory, 'sw-description'),
      `software = {
  version = "1.0";
  hardware-compatibility = [ "1.0" ];
  files: ( { filename = "pattern.bin"; path = "${target}"; sha256 = "${sha256}"; } );
}\n`,
    );
    const files = ['sw-description', 'sw-description.sig', 'pattern.bin'];
    openssl(
      ...[
        'cms',
        '-sign',
        '-in',
        'sw-description',
        '-out',
        'sw-description.sig',
        '-signer',
        'vendor.pem',
        '-inkey',
        'vendor.key',
      ],
      ...['-outform', 'DER', '-nosmimecap', '-binary'],
    );
    if (!signed) writeFileSync(join(directory, 'sw-description.sig'), 'no signature');
    const archive = execFileSync('cpio', ['-o', '-H', 'crc', '--quiet'], {
      cwd: directory,
      input: `${files.join('\n')}\n`,
    });
    return Buffer.from(archive);
  };

  const start = (controllerId: string, token: string, more: string): { child: ChildProcess; log: () => string } => {
    const suricatta = `-t DEFAULT -u ${site.haishin.http} -i ${controllerId} -k ${token} -p 1 ${more}`;
    const child = spawn(SWUPDATE, ['-v', '-k', 'vendor.pem', '-H', 'board:1.0', '-u', suricatta], {
      cwd: directory,
      env: { ...process.env, TMPDIR: directory },
    });
    running.push(child);
    let log = '';
    child.stdout.on('data', (part: Buffer) => (log += part.toString()));
    child.stderr.on('data', (part: Buffer) => (log += part.toString()));
    return { child, log: () => log };
  };

  const register = async (controllerId: string): Promise<string> => {
    const { body } = await site.api.post('/api/v1/agents', { controllerId });
    return body.securityToken as string;
  };

  const deploy = async (controllerId: string, version: string, content: Buffer<ArrayBuffer>): Promise<string> => {
    const release = await site.release('firmware', version, content, `firmware-${version}.swu`);
    return site.deploy([release], [controllerId], { tries: 1 });
  };

  const wait = async (what: string, condition: () => boolean | Promise<boolean>, log: () => string): Promise<void> => {
    await until(what, condition, 30_000).catch((cause: unknown) => {
      throw new Error(`never ${what}; SWUpdate said:\n${log().slice(-4000)}`, { cause });
    });
  };

  it('identifies itself, installs a signed image and reports it', async () => {
    const token = await register('board-1');
    const installed = join(directory, 'installed-1');
    const commandId = await deploy('board-1', '1.0', image(installed, 'pattern of today'));
    const first = start('board-1', token, '');
    await wait(
      'installed',
      () => existsSync(installed) && readFileSync(installed, 'utf8') === 'pattern of today',
      first.log,
    );
    // The product restarts into what was installed; what starts SWUpdate then tells it how that went.
    await wait('ready to restart', () => first.log().includes('executing post-update actions'), first.log);
    expect((await site.target(commandId, 'board-1')).group).toBe('inProgress');
    await stop(first.child);
    const second = start('board-1', token, '-c 2');
    await wait('confirmed', async () => (await site.target(commandId, 'board-1')).state === 'succeeded', second.log);
    const target = await site.target(commandId, 'board-1');
    expect(target.timeline.length).toBeGreaterThan(1);
    expect(target.messages.length).toBeGreaterThan(0);
    const { body: agent } = await site.api.get('/api/v1/agents/board-1');
    expect(agent).toMatchObject({ state: 'online', components: [{ id: 'firmware', version: '1.0' }] });
  });

  it('refuses an image that its vendor has not signed, and tracking says so', async () => {
    const token = await register('board-2');
    const installed = join(directory, 'installed-2');
    const commandId = await deploy('board-2', '2.0', image(installed, 'forged', false));
    const { log } = start('board-2', token, '');
    await wait('failed', async () => (await site.target(commandId, 'board-2')).state === 'failed', log);
    expect(existsSync(installed)).toBe(false);
    expect((await site.target(commandId, 'board-2')).messages.length).toBeGreaterThan(0);
  });
});
