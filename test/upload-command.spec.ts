import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './support/command-line.js';
import { startHaishin, TEST_TOKEN, type TestHaishin } from './support/haishin.js';
import { zipOf } from './support/zip-file.js';

describe('haishin upload', () => {
  let haishin: TestHaishin;
  let media: string;
  let server: string[];

  beforeAll(async () => {
    haishin = await startHaishin();
    media = await mkdtemp(join(tmpdir(), 'haishin-media-'));
    server = ['--url', haishin.http, '--token', TEST_TOKEN];
  });

  afterAll(async () => {
    await haishin.dispose();
    await rm(media, { recursive: true, force: true });
  });

  async function file(name: string, content: Buffer | string): Promise<string> {
    await writeFile(join(media, name), content);
    return join(media, name);
  }

  it('uploads a file of many chunks with its signature, and prints the release', async () => {
    const path = await file('vsapi241.zip', await zipOf(3_000_000));
    const signature = await file('any.sig', 'signed');
    const version = ['--version', '17.241.00', '--signature', signature];
    const result = await runCommand('upload', 'virus-pattern', path, ...version, ...server, '--json');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toMatchObject({
      rawVersion: '1724100',
      published: true,
      files: [{ path: 'pattern/vsapi241.zip', signature: { path: 'pattern/vsapi241.sig', size: 6 } }],
    });
  });

  it('says that the very release is published already', async () => {
    const path = await file('lpt200.zip', await zipOf(300));
    const args = ['upload', 'smart-scan-agent-pattern', path, '--version', '20.200.00', ...server];
    const first = await runCommand(...args, '--json');
    const { id } = JSON.parse(first.stdout) as { id: string };
    expect(await runCommand(...args)).toEqual({
      code: 0,
      stdout: `smart-scan-agent-pattern 20.200.00: published already, with this very content; nothing changed\nrelease ${id}\n`,
      stderr: '',
    });
    const { items } = (await haishin.api.get('/api/v1/events?limit=1')).body;
    expect(items).toMatchObject([{ trigger: 'upload', outcome: 'unchanged', version: '20.200.00' }]);
    expect((items as { text: { en: string } }[])[0]?.text.en).toMatch(/was published already/);
  });

  it('says that an older one is recorded only, and how to publish it', async () => {
    const path = await file('vsapi239.zip', await zipOf(10));
    const args = ['upload', 'virus-pattern', path, '--version', '17.239.00', ...server];
    expect((await runCommand(...args)).stdout).toContain('--force');
    const forced = await runCommand(...args, '--force');
    expect(forced).toMatchObject({ code: 0 });
    expect(forced.stdout).toContain('virus-pattern 17.239.00: published with snapshot');
    expect(forced.stdout).toContain('note: the release before has a signature');
  });

  it('fails with the code of the server', async () => {
    const path = await file('vsapi300.zip', 'no archive');
    const result = await runCommand('upload', 'virus-pattern', path, '--version', '17.300.00', ...server);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^zip-corrupt: /);
  });

  it('looks for the file before it asks the server', async () => {
    const result = await runCommand('upload', 'virus-pattern', join(media, 'nothing'), '--url', 'http://127.0.0.1:9');
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/^file-not-found: /);
  });
});
