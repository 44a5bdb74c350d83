import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from './support/faulty-upstream.js';
import { hugeManifest, withBom } from './support/manifest-faults.js';
import { fetchRaw, openRaw } from './support/raw-http.js';
import { fetchAsProduct } from './support/reference-client.js';

describe('faulty upstream', () => {
  const virus = /vsapi241\.zip/;
  let faulty: FaultyUpstream;
  let url: string;
  let right: Buffer;
  beforeEach(async () => {
    faulty = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.001 }) });
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
    const response = await openRaw(url);
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
    const response = await openRaw(url);
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
    const response = await openRaw(url);
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
    const response = await openRaw(`${faulty.url}/server.ini`);
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
    const response = await openRaw(`${faulty.url}/server.ini`);
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
