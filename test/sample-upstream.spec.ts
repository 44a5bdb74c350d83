import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { Agent, get as httpGet, type IncomingMessage, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSampleUpstream, type SampleUpstream } from '../src/sample-upstream/sample-server.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from './support/faulty-upstream.js';
import {
  hostilePaths,
  hugeManifest,
  withAbsurdCounts,
  withBom,
  withCrlf,
  withDuplicateKey,
  withLf,
  withoutKey,
  withValue,
  withVirusPatternPath,
} from './support/manifest-faults.js';
import { checkConsistency, compareManifests, fetchAsProduct } from './support/reference-client.js';

const scale = 0.001;

interface Got {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** The connection ended before the announced length. */
  cut: boolean;
}

/** One request on its own connection; once an answer has begun, a broken one is a result, not an error. */
function fetchRaw(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers, method, agent: new Agent() }, (response) => {
      const chunks: Buffer[] = [];
      const done = (cut: boolean): void =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks), cut });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => done(!response.complete));
      response.once('error', () => done(true));
      request.off('error', reject).on('error', () => done(true));
    });
    request.once('error', reject);
    request.end();
  });
}

/** Starts a request and resolves at its headers; the body is left to the caller. */
function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => httpGet(url, { agent: new Agent() }, resolve).once('error', reject));
}

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

describe('faulty upstream', () => {
  const virus = /vsapi241\.zip/;
  let faulty: FaultyUpstream;
  let url: string;
  let right: Buffer;
  beforeEach(async () => {
    faulty = await FaultyUpstream.start({ tree: new SampleTree({ scale }) });
    url = `${faulty.url}/pattern/vsapi241.zip`;
    right = faulty.tree.find('pattern/vsapi241.zip')!.content();
  });
  afterEach(() => faulty.close());

  it('behaves well until told otherwise, and again when cleared', async () => {
    faulty.set(/./, { kind: 'status', status: 403 });
    expect((await fetchRaw(url)).status).toBe(403);
    faulty.clear();
    expect((await fetchAsProduct(faulty.url)).problems).toEqual([]);
  });

  it('refuses connections, and accepts them again at the same place', async () => {
    await faulty.refuseConnections();
    await expect(fetchRaw(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await faulty.acceptConnections();
    expect((await fetchRaw(url)).status).toBe(200);
  });

  it('cuts connections before the answer', async () => {
    faulty.set(virus, { kind: 'reset' });
    await expect(fetchRaw(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('hangs before the headers until the connection is given up', async () => {
    faulty.set(virus, { kind: 'hang-before-headers' });
    const hanging = fetchRaw(url);
    const outcome = expect(hanging).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await faulty.whenRequested(virus)).toMatchObject({ status: 0 });
    expect((await fetchRaw(`${faulty.url}/server.ini`)).status).toBe(200); // other paths are not held up
    expect(faulty.requested(virus)).toEqual([expect.objectContaining({ status: 0 })]);
    faulty.clear();
    await outcome;
  });

  it('hangs in mid-body', async () => {
    faulty.set(virus, { kind: 'hang-mid-body', afterBytes: 1000 });
    const response = await open(url);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received >= 1000) break;
    }
    expect(received).toBe(1000);
    expect(response.headers['content-length']).toBe(String(right.length));
  });

  it('drips', async () => {
    faulty.set(virus, { kind: 'drip', bytesPerSecond: 2000 });
    const response = await open(url);
    const sizes: number[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizes.push(chunk.length);
      if (sizes.length === 3) break;
    }
    expect(sizes.every((size) => size % 200 === 0)).toBe(true); // a busy machine may see two portions at once
    expect(sizes[0]).toBeLessThan(right.length / 4);
    response.destroy();

    faulty.set(virus, { kind: 'drip', bytesPerSecond: right.length * 10 });
    expect((await fetchRaw(url)).body).toEqual(right); // and it does end
  });

  it('never ends', async () => {
    faulty.set(virus, { kind: 'endless' });
    const response = await open(url);
    expect(response.headers['content-length']).toBeUndefined();
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > 5_000_000) break;
    }
    expect(received).toBeGreaterThan(5_000_000);
  });

  it.each([1000, -1000])('announces a length that is off by %i', async (deltaBytes) => {
    faulty.set(virus, { kind: 'wrong-length', deltaBytes });
    const got = await fetchRaw(url);
    expect(got.headers['content-length']).toBe(String(right.length + deltaBytes));
    expect(got.cut).toBe(true); // too few bytes, or garbage after the last
    expect(got.body).toEqual(right.subarray(0, Math.min(right.length, right.length + deltaBytes)));
  });

  it('truncates', async () => {
    faulty.set(virus, { kind: 'truncated', afterBytes: 1234 });
    const got = await fetchRaw(url);
    expect(got).toMatchObject({ status: 200, cut: true });
    expect(got.body).toEqual(right.subarray(0, 1234));
  });

  it.each([500, -500])('sends a file that is consistently %i bytes off', async (deltaBytes) => {
    faulty.set(virus, { kind: 'resized', deltaBytes });
    expect(await fetchRaw(url)).toMatchObject({
      cut: false,
      body: { length: right.length + deltaBytes },
      headers: { 'content-length': String(right.length + deltaBytes) },
    });
  });

  it('corrupts without changing the size, in ranges too', async () => {
    faulty.set(virus, { kind: 'corrupted' });
    const { body } = await fetchRaw(url);
    expect(body).toHaveLength(right.length);
    expect(body).not.toEqual(right);
    const half = Math.floor(right.length / 2);
    expect((await fetchRaw(url, { Range: `bytes=${half}-` })).body).toEqual(body.subarray(half));
    expect(faulty.tree.find('pattern/vsapi241.zip')!.content()).toEqual(right);
  });

  it('sends an error page as if it were the file', async () => {
    faulty.set(/server\.ini/, { kind: 'html-page' });
    expect(await fetchRaw(`${faulty.url}/server.ini`)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html' },
    });
  });

  it('redirects elsewhere', async () => {
    faulty.set(virus, { kind: 'redirect', to: 'http://elsewhere.invalid' });
    expect(await fetchRaw(url)).toMatchObject({
      status: 302,
      headers: { location: 'http://elsewhere.invalid/activeupdate/pattern/vsapi241.zip' },
    });
  });

  it('is busy for a while: the first requests only', async () => {
    faulty.set(virus, { kind: 'status', status: 503, headers: { 'Retry-After': '7' } }, { times: 2 });
    expect(await fetchRaw(url)).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
    expect((await fetchRaw(url)).status).toBe(503);
    expect((await fetchRaw(url)).status).toBe(200);
  });

  it('lets the fault set last win', async () => {
    faulty.set(/\.zip$/, { kind: 'status', status: 404 });
    faulty.set(virus, { kind: 'status', status: 403 });
    expect((await fetchRaw(url)).status).toBe(403);
    expect((await fetchRaw(`${faulty.url}/pattern/ssaptn2469.zip`)).status).toBe(404);
  });

  it('loses signatures', async () => {
    faulty.set(/\.sig$/, { kind: 'status', status: 404 });
    const fetched = await fetchAsProduct(faulty.url);
    expect(fetched.problems).toEqual([]);
    expect([...fetched.files.values()].some(({ sig }) => sig)).toBe(false);
  });

  it('changes the manifest between its first and second reading', async () => {
    const change = { kind: 'before-answer', run: () => void faulty.tree.publish(['virus-pattern']) } as const;
    faulty.set(/server\.ini/, change, { from: 2, times: 1 });
    const read = async (): Promise<string> => (await fetchRaw(`${faulty.url}/server.ini`)).body.toString('latin1');
    expect(await read()).toContain('vsapi241');
    expect(await read()).toContain('vsapi242');
    expect(await read()).toContain('vsapi242');
  });

  it('lies with its ETag', async () => {
    faulty.set(/server\.ini/, { kind: 'lying-etag', etag: '"always"' });
    const first = await fetchRaw(`${faulty.url}/server.ini`);
    faulty.tree.publish(['virus-pattern']);
    expect(first.headers.etag).toBe('"always"');
    expect((await fetchRaw(`${faulty.url}/server.ini`, { 'If-None-Match': '"always"' })).status).toBe(304);
  });

  it('sends 100 MB of manifest', async () => {
    faulty.set(/server\.ini/, { kind: 'stream', chunks: (ini) => hugeManifest(ini, 100_000_000) });
    const response = await open(`${faulty.url}/server.ini`);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) received += chunk.length;
    expect(received).toBe(100_000_000);
  });

  it('makes no more of a stream than its client reads', async () => {
    let made = 0;
    function* counted(ini: Buffer): Generator<Buffer, void> {
      for (const chunk of hugeManifest(ini, 100_000_000)) {
        made += chunk.length;
        yield chunk;
      }
    }
    faulty.set(/server\.ini/, { kind: 'stream', chunks: counted });
    const response = await open(`${faulty.url}/server.ini`);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) if ((received += chunk.length) > 1_000_000) break;
    await faulty.close();
    expect(made).toBeGreaterThan(1_000_000);
    expect(made).toBeLessThan(30_000_000); // what the sockets buffer, at most
  });

  it('transforms the manifest, with validators to match', async () => {
    const plain = await fetchRaw(`${faulty.url}/server.ini`);
    faulty.set(/server\.ini/, { kind: 'transform', transform: withBom });
    const changed = await fetchRaw(`${faulty.url}/server.ini`);
    expect(changed.body.subarray(3)).toEqual(plain.body);
    expect(changed.headers.etag).not.toBe(plain.headers.etag);
  });
});

describe('manifest faults and the consistency check', () => {
  const tree = new SampleTree({ scale });
  const ini = tree.manifest();
  const held = tree.files();

  it('finds nothing wrong with a good manifest, whatever its line ends and BOM', () => {
    for (const good of [ini, withLf(ini), withCrlf(withLf(ini)), withBom(ini)])
      expect(checkConsistency(good, held)).toEqual([]);
    expect(withCrlf(withLf(ini))).toEqual(ini);
  });

  it.each<[string, Buffer, RegExp]>([
    ['an absurd count', withAbsurdCounts(ini), /4294967295, but there are 14 lines/],
    ['a repeated key', withDuplicateKey('P.4')(ini), /P\.4: appears twice/],
    ['a count left behind', withoutKey('P.48020000.Merge.3')(ini), /14, but there are 13 lines/],
    ['a gap', withoutKey('P.48020000.Merge.3')(ini), /numbering has gaps/],
    ['lines without a count', withoutKey('P.800.MergeCountEx')(ini), /P\.800\.Merge\.1: nothing counts it/],
    ['a stale legacy number', withValue('Merge.1', '7')(ini), /^Merge\.1: 7, but its original says 240/],
    ['a twin left behind', withoutKey('MergePath_VSAPI.2')(ini), /MergePath_VSAPI\.2: undefined/],
    ['an orphaned twin', withoutKey('P.4.Merge.2')(ini), /MergePath_VSAPI\.2: .*undefined/],
    [
      'an engine twin of another version',
      withValue('Path_VSAPI32_NT', 'engine/ntsc12500.zip, 12.4, 1')(ini),
      /no engine line/,
    ],
    ['a file that is not served', withVirusPatternPath('pattern/none.zip')(ini), /pattern\/none\.zip is not served/],
    ['a wrong size', withValue('P.48040241', 'pattern/tmgd.zip,00001800,1')(ini), /tmgd\.zip has \d+ bytes, not 1/],
  ])('finds %s', (_, bad, complaint) => {
    expect(checkConsistency(bad, held).join('\n')).toMatch(new RegExp(complaint.source, 'm'));
  });

  it.each(Object.entries(hostilePaths))('can name a hostile path: %s', (_, path) => {
    const bad = withVirusPatternPath(path)(ini).toString('latin1');
    expect(bad).toContain(`P.4=${path}, 1724100`);
    expect(bad).toContain(`Path_VSAPI=${path}, `);
  });

  it('compares manifests line by line outside [Server]', () => {
    expect(compareManifests(ini, withValue('Server.1', 'http://mirror.invalid/activeupdate')(ini))).toEqual([]);
    expect(compareManifests(ini, withoutKey('Server.2')(ini))).toEqual([]);
    const changed = withValue('Build', '1')(withoutKey('P.4.Merge.7')(withValue('MaxProductID', '9')(ini)));
    expect(compareManifests(ini, changed)).toEqual([
      { upstream: expect.stringContaining('P.4.Merge.7=') },
      { upstream: 'MaxProductID=603\r', mirror: 'MaxProductID=9\r' },
      { upstream: 'Build=3011\r', mirror: 'Build=1\r' },
    ]);
    expect(compareManifests(ini, withLf(ini)).length).toBeGreaterThan(100);
  });
});
