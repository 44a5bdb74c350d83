import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { Bench, faultOf } from './upstream-server.js';

const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB);
const other = randomBytes(3 * MIB);
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const request = { size: content.length, maxBytes: 10 * MIB };

/** Sends the content from where the Range asks, cut after so many bytes; `If-Range` decides as in RFC 9110. */
function send(
  incoming: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  headers: Record<string, string>,
  cutAfter = Infinity,
): void {
  const wanted = /^bytes=(\d+)-$/.exec(incoming.headers.range ?? '');
  const matches = incoming.headers['if-range'] === (headers['etag'] ?? headers['last-modified']);
  const start = wanted !== null && matches ? Number(wanted[1]) : 0;
  const rest = bytes.subarray(start);
  const range = start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...range, ...headers });
  if (cutAfter >= rest.length) response.end(rest);
  else response.write(rest.subarray(0, cutAfter), () => response.destroy());
}

describe('a download that breaks off', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  it('goes on from there by Range and If-Range', async () => {
    const server = await bench.serve((incoming, response) => {
      send(incoming, response, content, { etag: '"v1"' }, server.requests.length === 1 ? 2 * MIB : Infinity);
    });
    let progress = 0;
    const blob = await bench
      .source(server.origin)
      .fetchBlob('a', { ...request, onProgress: (bytes) => (progress += bytes) });
    expect(blob.sha256).toBe(hash(content));
    expect(server.requests[1]?.headers['if-range']).toBe('"v1"');
    expect(Number(/\d+/.exec(server.requests[1]?.headers.range ?? '')?.[0])).toBeGreaterThan(0);
    // Nothing was sent twice.
    expect(progress).toBe(content.length);
  });

  it('survives more breaks than tries while it moves on', async () => {
    const server = await bench.serve((incoming, response) =>
      send(incoming, response, content, { etag: '"v1"' }, MIB / 2),
    );
    const blob = await bench.source(server.origin).fetchBlob('a', request);
    expect(blob.sha256).toBe(hash(content));
    expect(server.requests.length).toBeGreaterThan(4);
  });

  it('starts over when the file changed meanwhile', async () => {
    const server = await bench.serve((incoming, response) => {
      if (server.requests.length === 1) send(incoming, response, content, { etag: '"v1"' }, 2 * MIB);
      else send(incoming, response, other, { etag: '"v2"' });
    });
    expect((await bench.source(server.origin).fetchBlob('a', request)).sha256).toBe(hash(other));
  });

  it.each([
    [
      'the rest of another version',
      { etag: '"v2"' },
      (start: number) => `bytes ${start}-${content.length - 1}/${content.length}`,
    ],
    ['another part than asked', { etag: '"v1"' }, () => `bytes 5-${content.length - 1}/${content.length}`],
    [
      'the part of a longer file',
      { etag: '"v1"' },
      (start: number) => `bytes ${start}-${content.length - 1}/${content.length + 9}`,
    ],
  ])('does not append %s', async (_, headers, range) => {
    const server = await bench.serve((incoming, response) => {
      if (server.requests.length === 1) return send(incoming, response, content, { etag: '"v1"' }, 2 * MIB);
      const start = Number(/\d+/.exec(incoming.headers.range ?? '')?.[0] ?? -1);
      if (start < 0) return send(incoming, response, other, { etag: '"v2"' });
      response.writeHead(206, { ...headers, 'content-range': range(start) }).end(other.subarray(start));
    });
    expect((await bench.source(server.origin).fetchBlob('a', request)).sha256).toBe(hash(other));
  });

  it.each([
    ['no validator', {}],
    ['a weak ETag', { etag: 'W/"v1"' }],
    ['a Last-Modified of this very minute', { 'last-modified': new Date().toUTCString() }],
  ])('starts over with %s', async (_, headers) => {
    const server = await bench.serve((incoming, response) => {
      send(incoming, response, content, headers, server.requests.length === 1 ? 2 * MIB : Infinity);
    });
    expect((await bench.source(server.origin).fetchBlob('a', request)).sha256).toBe(hash(content));
    expect(server.requests[1]?.headers.range).toBeUndefined();
  });

  it('goes on with a settled Last-Modified', async () => {
    const headers = { 'last-modified': new Date(Date.now() - 3600_000).toUTCString() };
    const server = await bench.serve((incoming, response) => {
      send(incoming, response, content, headers, server.requests.length === 1 ? 2 * MIB : Infinity);
    });
    expect((await bench.source(server.origin).fetchBlob('a', request)).sha256).toBe(hash(content));
    expect(server.requests[1]?.headers['if-range']).toBe(headers['last-modified']);
  });

  describe('and whose process ended', () => {
    const interrupted = async (
      headers: Record<string, string> = { etag: '"v1"' },
      later: { content: Buffer; headers: Record<string, string> } = { content, headers },
    ) => {
      let healthy = false;
      const cancel = new AbortController();
      const server = await bench.serve((incoming, response) => {
        if (healthy) return send(incoming, response, later.content, later.headers);
        response.writeHead(200, { 'content-length': content.length, ...headers });
        response.write(content.subarray(0, 2 * MIB));
      });
      let received = 0;
      const fetch = bench.source(server.origin).fetchBlob('a', {
        ...request,
        signal: cancel.signal,
        onProgress: (bytes) => {
          received += bytes;
          if (received === 2 * MIB) cancel.abort();
        },
      });
      expect((await faultOf(fetch)).code).toBe('cancelled');
      healthy = true;
      return server;
    };
    const again = async (origin: string) => {
      const store = new BlobStore(bench.directory);
      await store.open();
      return bench.source(origin, { store }).fetchBlob('a', request);
    };
    const partials = () => readdir(join(bench.directory, 'partial'));

    it('is continued by the next one, which leaves nothing behind', async () => {
      const server = await interrupted();
      expect(await partials()).toHaveLength(2);
      expect((await again(server.origin)).sha256).toBe(hash(content));
      expect(server.requests[1]?.headers.range).toBe(`bytes=${2 * MIB}-`);
      expect(await partials()).toEqual([]);
    });

    describe('when all of it was there already', () => {
      const complete = async (now: Buffer, etag: string) => {
        const server = await interrupted(undefined, { content: now, headers: { etag } });
        const name = (await partials()).find((each) => !each.endsWith('.json')) ?? '';
        await writeFile(join(bench.directory, 'partial', name), content);
        return server;
      };

      it('is taken when it is still the same, for one byte', async () => {
        const server = await complete(content, '"v1"');
        expect(await again(server.origin)).toMatchObject({ sha256: hash(content), etag: '"v1"' });
        expect(server.requests.slice(1).map(({ headers }) => headers.range)).toEqual([`bytes=${content.length - 1}-`]);
        expect(await partials()).toEqual([]);
      });

      it('starts over when the name stands for something else by now', async () => {
        const server = await complete(other, '"v2"');
        expect(await again(server.origin)).toMatchObject({ sha256: hash(other), etag: '"v2"' });
        expect(await partials()).toEqual([]);
      });
    });

    it('starts over without a validator', async () => {
      const server = await interrupted({});
      expect(await partials()).toEqual([]);
      expect((await again(server.origin)).sha256).toBe(hash(content));
    });

    it('does not trust bytes from before the machine was started', async () => {
      const server = await interrupted();
      const sidecar = join(bench.directory, 'partial', (await partials()).find((name) => name.endsWith('.json')) ?? '');
      await writeFile(sidecar, (await readFile(sidecar, 'utf8')).replace(/"bootId":"[^"]*"/, '"bootId":"another"'));
      expect((await again(server.origin)).sha256).toBe(hash(content));
      expect(server.requests[1]?.headers.range).toBeUndefined();
    });

    it.each(['', '{', '{"url":1}', 'null'])('starts over with the torn note %j', async (text) => {
      const server = await interrupted();
      const sidecar = (await partials()).find((name) => name.endsWith('.json')) ?? '';
      await writeFile(join(bench.directory, 'partial', sidecar), text);
      expect((await again(server.origin)).sha256).toBe(hash(content));
      expect(await partials()).toEqual([]);
    });

    it('is forgotten after seven days', async () => {
      await interrupted();
      const old = new Date(Date.now() - 8 * 24 * 3600_000);
      for (const name of await partials()) await utimes(join(bench.directory, 'partial', name), old, old);
      await new BlobStore(bench.directory).open();
      expect(await partials()).toEqual([]);
    });
  });

  it('two fetches of one file at once do not disturb each other', async () => {
    const server = await bench.serve((incoming, response) => send(incoming, response, content, { etag: '"v1"' }));
    const source = bench.source(server.origin);
    const blobs = await Promise.all([source.fetchBlob('a', request), source.fetchBlob('a', request)]);
    expect(blobs.map(({ sha256 }) => sha256)).toEqual([hash(content), hash(content)]);
  });
});
