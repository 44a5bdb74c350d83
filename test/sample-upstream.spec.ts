import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSampleUpstream, type SampleUpstream } from '../src/sample-upstream/sample-server.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { fetchRaw } from './support/raw-http.js';
import { checkConsistency, fetchAsProduct } from './support/reference-client.js';

const scale = 0.001;

describe('sample upstream server', () => {
  let upstream: SampleUpstream;
  beforeEach(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale, japanTree: true }) });
  });
  afterEach(() => upstream.close());

  it('gives an independent client everything, intact', async () => {
    for (const base of [upstream.url, `${upstream.url}/japan`]) {
      const fetched = await fetchAsProduct(base);
      expect(fetched.problems).toEqual([]);
      expect(fetched.files.size).toBeGreaterThan(70);
      expect([...fetched.files.values()].every(({ sig }) => sig !== undefined)).toBe(true);
      expect(checkConsistency(fetched.manifest, fetched.files)).toEqual([]);
    }
  });

  it('ignores letter case, and has no other way in', async () => {
    expect(
      (await fetchRaw(`${upstream.url.replace('activeupdate', 'ActiveUpdate')}/PATTERN/VSAPI241.ZIP`)).status,
    ).toBe(200);
    expect((await fetchRaw(`${upstream.url}/ini_xml.zip`)).status).toBe(404);
    expect((await fetchRaw(`${upstream.url}/%zz`)).status).toBe(404);
    expect((await fetchRaw(new URL('/server.ini', upstream.url).href)).status).toBe(404);
    expect((await fetchRaw(`${upstream.url}/server.ini`, {}, 'POST')).status).toBe(405);
  });

  it('answers HEAD, conditions and ranges', async () => {
    const url = `${upstream.url}/pattern/ssaptn2469.zip`;
    const whole = await fetchRaw(url);
    const { etag, 'last-modified': lastModified } = whole.headers;
    const size = whole.body.length;
    expect(await fetchRaw(url, {}, 'HEAD')).toMatchObject({ status: 200, headers: { 'content-length': String(size) } });
    expect((await fetchRaw(url, { 'If-None-Match': `"x", ${etag}` })).status).toBe(304);
    expect((await fetchRaw(url, { 'If-None-Match': '"x"', 'If-Modified-Since': lastModified! })).status).toBe(200);
    expect((await fetchRaw(url, { 'If-Modified-Since': lastModified! })).status).toBe(304);

    const part = await fetchRaw(url, { Range: 'bytes=100-199' });
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 100-199/${size}` } });
    expect(part.body).toEqual(whole.body.subarray(100, 200));
    expect((await fetchRaw(url, { Range: 'bytes=-10' })).body).toEqual(whole.body.subarray(-10));
    expect((await fetchRaw(url, { Range: `bytes=${size}-` })).status).toBe(416);
    expect((await fetchRaw(url, { Range: 'bytes=100-', 'If-Range': '"old"' })).status).toBe(200);
    expect((await fetchRaw(url, { Range: 'bytes=100-', 'If-Range': etag! })).status).toBe(206);
    expect((await fetchRaw(url, { Range: 'bytes=0-1,5-6' })).status).toBe(200);
  });

  it('publishes while it serves, and keeps a log of what was asked', async () => {
    upstream.publish(['virus-pattern']);
    expect((await fetchRaw(`${upstream.url}/pattern/vsapi241.zip`)).status).toBe(404);
    await fetchRaw(`${upstream.url}/pattern/vsapi242.zip`, { Range: 'bytes=1-2', 'If-None-Match': '"x"' });
    expect(upstream.requests.at(-1)).toMatchObject({
      method: 'GET',
      path: '/activeupdate/pattern/vsapi242.zip',
      range: 'bytes=1-2',
      ifNoneMatch: '"x"',
      status: 206,
    });
  });

  it('says so when its port is taken', async () => {
    const port = Number(new URL(upstream.url).port);
    await expect(startSampleUpstream({ tree: upstream.tree, port })).rejects.toMatchObject({ code: 'port-in-use' });
  });
});

describe('sample upstream over HTTPS', () => {
  it('serves a client that trusts its certificate, and no other', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-sample-'));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const where = ['-keyout', key, '-out', cert, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', ...subject, ...where], { stdio: 'ignore' });
    const tls = { key: await readFile(key), cert: await readFile(cert) };
    const upstream = await startSampleUpstream({ tree: new SampleTree({ scale }), tls });
    try {
      expect((await fetchAsProduct(upstream.url, { ca: tls.cert })).problems).toEqual([]);
      await expect(fetchAsProduct(upstream.url)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    } finally {
      await upstream.close();
      await rm(directory, { recursive: true });
    }
  });
});

describe('materialised tree', () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'haishin-sample-'));
  });
  afterEach(() => rm(parent, { recursive: true }));

  it('holds every file under its own name, with its time', async () => {
    const tree = new SampleTree({ scale, japanTree: true });
    const directory = join(parent, 'deep', 'tree');
    await tree.materialise(directory);
    for (const [path, file] of tree.files()) {
      expect(await readFile(join(directory, path))).toEqual(file.content());
      expect((await stat(join(directory, path))).mtimeMs).toBe(file.lastModified.getTime());
    }
    expect(await readdir(join(parent, 'deep'))).toEqual(['tree']);
  });

  it('replaces an earlier tree as a whole', async () => {
    const tree = new SampleTree({ scale });
    const directory = join(parent, 'tree');
    await tree.materialise(directory);
    tree.publish(['virus-pattern']);
    await tree.materialise(directory);
    const patterns = await readdir(join(directory, 'pattern'));
    expect(patterns).toContain('vsapi242.zip');
    expect(patterns).not.toContain('vsapi241.zip');
    expect(await readdir(parent)).toEqual(['tree']);
  });

  it('never replaces anything else', async () => {
    await writeFile(join(parent, 'letter.txt'), 'mine');
    await writeFile(join(parent, 'server.ini'), '');
    const refusal = { code: 'sample-directory-not-a-tree' };
    await expect(new SampleTree({ scale }).materialise(parent)).rejects.toMatchObject(refusal);
    await expect(new SampleTree({ scale }).materialise(join(parent, 'letter.txt'))).rejects.toMatchObject(refusal);
    expect((await readdir(parent)).sort()).toEqual(['letter.txt', 'server.ini']);
  });
});
