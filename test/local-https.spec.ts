import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFilePath, type RunFacts } from '../src/server/run-file.js';
import { Authority, type KeyPair } from './support/authority.js';
import { runCommand, type CommandResult } from './support/command-line.js';
import { startHaishin, TEST_TOKEN, type TestHaishin } from './support/haishin.js';
import { until } from './support/until.js';

describe('commands beside a server that has only HTTPS', () => {
  let directory: string;
  let authority: Authority;
  let haishin: TestHaishin;
  const before = process.env['HAISHIN_DATA_DIR'];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-https-'));
    authority = await Authority.make();
    await install(await authority.issue({ type: 'dns', value: 'mirror.example' }));
    haishin = await startHaishin({ config: { httpPort: 'off', tlsCertFile: file('crt'), tlsKeyFile: file('key') } });
    process.env['HAISHIN_DATA_DIR'] = haishin.dataDir;
  });

  afterAll(async () => {
    if (before === undefined) delete process.env['HAISHIN_DATA_DIR'];
    else process.env['HAISHIN_DATA_DIR'] = before;
    await haishin.dispose();
    await rm(directory, { recursive: true });
  });

  const file = (kind: string): string => join(directory, `server.${kind}`);
  const install = async (pair: KeyPair): Promise<void> => {
    await writeFile(file('key'), pair.key);
    await writeFile(file('crt'), pair.cert);
  };
  const facts = async (): Promise<RunFacts> =>
    JSON.parse(await readFile(runFilePath(haishin.dataDir), 'utf8')) as RunFacts;
  const refused = (): CommandResult =>
    expect.objectContaining({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^server-certificate-untrusted: /),
    }) as CommandResult;

  it('trust the very certificate that it uses, also after it was replaced', async () => {
    expect(await runCommand('status')).toMatchObject({ code: 0, stderr: '' });
    const { certificate } = await facts();
    await install(await authority.issue({ type: 'dns', value: 'other.example' }));
    await until('the new certificate is known', async () => (await facts()).certificate !== certificate);
    expect(await runCommand('status')).toMatchObject({ code: 0, stderr: '' });
  });

  it('trust no other one', async () => {
    const kept = await facts();
    const other = kept.certificate?.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    await writeFile(runFilePath(haishin.dataDir), JSON.stringify({ ...kept, certificate: other }));
    expect(await runCommand('status')).toEqual(refused());
    await writeFile(runFilePath(haishin.dataDir), JSON.stringify(kept));
  });

  it('are told that a certificate is not trusted when they name the server themselves', async () => {
    const url = haishin.https.replace('127.0.0.1', 'localhost');
    const result = await runCommand('status', '--url', url, '--token', TEST_TOKEN);
    expect(result).toEqual(refused());
    expect(result.stderr).toContain('NODE_EXTRA_CA_CERTS');
  });
});
