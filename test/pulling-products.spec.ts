import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSampleUpstream } from '../src/sample-upstream/sample-server.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { startHaishin, type TestHaishin } from './support/haishin.js';
import { hasTool } from './support/tools.js';

function run(command: string, args: string[]): Promise<string> {
  return new Promise((done, fail) => {
    execFile(command, args, { timeout: 50_000 }, (fault, stdout, stderr) => {
      if (fault) fail(new Error(`${command} ${args.join(' ')}: ${fault.message}\n${stderr}`));
      else done(stdout);
    });
  });
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Clients that nobody here wrote, over both schemes, with the certificate checked. */
describe('products that pull', () => {
  let upstream: Awaited<ReturnType<typeof startSampleUpstream>>;
  let haishin: TestHaishin;
  let dir: string;
  let ca: string;
  let path: string;
  let digest: string;

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.05 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url });
    dir = await mkdtemp(join(tmpdir(), 'haishin-pull-'));
    ca = join(haishin.dataDir, 'tls', 'server.crt');
    const first = await haishin.api.download();
    expect(first.components.filter((each: { error: unknown }) => each.error !== null)).toEqual([]);
    const releases = await haishin.api.get('/api/v1/releases?component=virus-pattern');
    const file = releases.body.items[0].files.find((each: { role: string }) => each.role === 'full');
    path = file.path;
    digest = file.sha256;
  });

  afterAll(async () => {
    await haishin?.dispose();
    await upstream?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const urls = (): string[] => [
    `${haishin.http}/activeupdate/${path}`,
    `${haishin.https.replace('127.0.0.1', 'localhost')}/TvcsDownload/ActiveUpdate/${path}`,
  ];

  (hasTool('curl') ? it : it.skip)('curl fetches, resumes and revalidates over HTTP and HTTPS', async () => {
    for (const url of urls()) {
      const out = join(dir, 'curl.bin');
      const etags = join(dir, 'etag.txt');
      const base = ['--silent', '--show-error', '--fail', '--cacert', ca, '--output', out];
      await run('curl', [...base, '--etag-save', etags, url]);
      expect(sha256(await readFile(out))).toBe(digest);
      await truncate(out, 100_000);
      await run('curl', [...base, '--continue-at', '-', url]);
      expect(sha256(await readFile(out))).toBe(digest);
      const status = await run('curl', [...base, '--etag-compare', etags, '--write-out', '%{http_code}', url]);
      expect(status).toBe('304');
    }
  });

  (hasTool('wget') ? it : it.skip)('wget fetches, resumes, and leaves alone what is current', async () => {
    for (const url of urls()) {
      const out = join(dir, 'wget.bin');
      await run('wget', ['-q', `--ca-certificate=${ca}`, '-O', out, url]);
      await truncate(out, 100_000);
      await run('wget', ['-q', `--ca-certificate=${ca}`, '-c', '-O', out, url]);
      expect(sha256(await readFile(out))).toBe(digest);
      await rm(out);
    }
  });

  (hasTool('aria2c') ? it : it.skip)('aria2c fetches the whole tree with several connections a file', async () => {
    const manifest = await (await fetch(`${haishin.http}/activeupdate/server.ini`)).text();
    const paths = [
      ...new Set(
        [...manifest.matchAll(/[=,]\s*((?:pattern|engine|product)\/[^,\s]+)/gi)].map((match) => match[1] ?? ''),
      ),
    ];
    expect(paths.length).toBeGreaterThan(30);
    const list = join(dir, 'list.txt');
    await writeFile(list, paths.map((each) => `${haishin.http}/activeupdate/${each}\n  out=${each}\n`).join(''));
    const out = join(dir, 'tree');
    await run('aria2c', ['-q', '-j8', '-x4', '-s4', '-k1M', '--no-conf', '-d', out, '-i', list]);
    expect(sha256(await readFile(join(out, path)))).toBe(digest);
  });
});
