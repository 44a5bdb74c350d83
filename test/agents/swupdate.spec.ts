import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { hasTool } from '../support/tools.js';
import { until } from '../support/until.js';

const present = ['swupdate', 'openssl', 'cpio'].every(hasTool);
const PAYLOAD = Buffer.from('a pattern that only a test installs\n');

/** An image that SWUpdate accepts: description, its CMS signature, payload, in this order in a crc archive. */
async function makeImage(dir: string): Promise<Buffer> {
  const openssl = (...args: string[]): Buffer =>
    execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  openssl(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2'],
    ...['-subj', '/CN=update', '-addext', 'extendedKeyUsage=emailProtection', '-addext', 'keyUsage=digitalSignature'],
  );
  await writeFile(join(dir, 'payload.bin'), PAYLOAD);
  const sha256 = createHash('sha256').update(PAYLOAD).digest('hex');
  await writeFile(
    join(dir, 'sw-description'),
    `software = { version = "1.0.1"; hardware-compatibility: [ "1.0" ];\n` +
      `files: ( { filename = "payload.bin"; path = "${join(dir, 'installed.bin')}"; sha256 = "${sha256}"; } ); }\n`,
  );
  openssl(
    ...[
      'cms',
      '-sign',
      '-in',
      'sw-description',
      '-out',
      'sw-description.sig',
      '-signer',
      'cert.pem',
      '-inkey',
      'key.pem',
    ],
    ...['-outform', 'DER', '-nosmimecap', '-binary'],
  );
  return execFileSync('cpio', ['-o', '-H', 'crc', '--quiet'], {
    cwd: dir,
    input: 'sw-description\nsw-description.sig\npayload.bin\n',
    maxBuffer: 10_000_000,
  });
}

/** Debian's SWUpdate, unchanged: a client that nobody here wrote. */
(present ? describe : describe.skip)('SWUpdate as a managed product', () => {
  let haishin: TestHaishin;
  let dir: string;
  let device: ChildProcess | undefined;
  let log = '';

  const startDevice = (token: string, ...more: string[]): void => {
    const daemon = ['-t', 'DEFAULT', '-u', haishin.http, '-i', 'board1', '-k', token, ...more].join(' ');
    device = spawn('swupdate', ['-k', join(dir, 'cert.pem'), '-H', 'board:1.0', '-l', '4', '-u', daemon], {
      // Its sockets have fixed names in the temporary directory.
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [device.stdout, device.stderr])
      stream?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  };
  const stopDevice = async (): Promise<void> => {
    const running = device;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((done) => running.once('exit', done));
    running.kill('SIGTERM');
    await gone;
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'haishin-swu-'));
    haishin = await startHaishin();
  });

  afterAll(async () => {
    await stopDevice();
    await haishin?.dispose();
    await rm(dir, { recursive: true, force: true });
  });

  it('installs a deployed file, and tracking shows that it succeeded, with its messages', async () => {
    const { api } = haishin;
    const image = await makeImage(dir);
    await api.post('/api/v1/components', {
      id: 'firmware',
      names: { ja: 'ファーム', en: 'Firmware' },
      kind: 'pattern',
    });
    const form = new FormData();
    form.set('version', '1.0.1');
    form.set('file', new Blob([new Uint8Array(image)]), 'update.swu');
    const release = await api.call('POST', '/api/v1/components/firmware/releases', form);
    expect(release.status).toBe(201);
    const agent = await api.post('/api/v1/agents', { controllerId: 'board1' });
    const deployment = await api.post('/api/v1/deployments', {
      releases: [release.body.id],
      targets: { agents: ['board1'] },
    });
    expect(deployment.status).toBe(202);
    const target = async () => (await api.get(`/api/v1/commands/${deployment.body.commandId}/targets/board1`)).body;

    startDevice(agent.body.securityToken as string);
    await until('the device has installed it', async () => (await target()).message === 'All Chunks Installed.');
    expect(await readFile(join(dir, 'installed.bin'))).toEqual(PAYLOAD);
    expect(await target()).toMatchObject({ state: 'installing', group: 'inProgress' });

    // The device restarts into what it installed, and says that it works.
    await stopDevice();
    startDevice(agent.body.securityToken as string, '-c', '2');
    await until('tracking says so', async () => (await target()).state === 'succeeded');
    const done = await target();
    expect(done.messages).toContain('All Chunks Installed.');
    const command = await api.get(`/api/v1/commands/${deployment.body.commandId}`);
    expect(command.body.counts).toMatchObject({ all: 1, successful: 1, inProgress: 0, waiting: 0 });
    expect(log).not.toContain('Segmentation');
  });
});
