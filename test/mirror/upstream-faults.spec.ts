import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Bench, faultOf, listen, randomFile, type Handler } from './upstream-server.js';

const { content, sha256, request } = randomFile(3000);

describe('an upstream over HTTP that misbehaves', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  const faultWith = (handler: Handler, size: number | null = content.length) =>
    bench.faultWith(handler, { ...request, size });

  it('nothing listens: unreachable, refused, after three tries', async () => {
    const closed = await listen(createServer());
    await closed.close();
    const fault = await faultOf(bench.source(`http://127.0.0.1:${closed.port}/`).fetchBlob('a', request));
    expect(fault).toMatchObject({ code: 'upstream-unreachable', details: { reason: 'refused', tries: 3 } });
  });

  it('a name that does not exist: unreachable, dns', async () => {
    const fault = await faultOf(bench.source('http://upstream.invalid/').fetchSmall('server.ini', { maxBytes: 10 }));
    expect(fault).toMatchObject({ code: 'upstream-unreachable', details: { reason: 'dns' } });
  });

  it('it hangs up before an answer: unreachable, reset, after three tries', async () => {
    const { fault, server } = await faultWith((incoming) => incoming.socket.destroy());
    expect(fault).toMatchObject({ code: 'upstream-unreachable', details: { reason: 'reset' } });
    expect(server.requests).toHaveLength(3);
  });

  it('it never answers: timeout, retried once', async () => {
    const { fault, server } = await faultWith(() => undefined);
    expect(fault.code).toBe('upstream-timeout');
    expect(server.requests).toHaveLength(2);
  });

  it('it falls silent in the middle: timeout', async () => {
    const { fault } = await faultWith((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1000));
    });
    expect(fault).toMatchObject({ code: 'upstream-timeout', details: { received: 1000 } });
  });

  it('it drips: too slow', async () => {
    const { fault } = await faultWith((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      const timer = setInterval(() => response.write('.'), 40);
      response.on('close', () => clearInterval(timer));
    });
    expect(fault.code).toBe('upstream-too-slow');
  });

  it('an endless body without a length is cut at the announced size', async () => {
    let sent = 0;
    const { fault } = await faultWith((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1000))) sent += 1000;
      };
      response.on('drain', more);
      more();
    });
    expect(fault).toMatchObject({ code: 'size-mismatch', details: { expected: content.length } });
    expect(sent).toBeLessThan(20_000_000);
  });

  it('an endless body of unknown size is cut at the limit', async () => {
    const { fault } = await faultWith((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1000)));
      };
      response.on('drain', more);
      more();
    }, null);
    expect(fault).toMatchObject({ code: 'size-exceeded', details: { maxBytes: 10_000 } });
  });

  it('another length than announced is refused without reading the body', async () => {
    const { fault, server } = await faultWith((_, response) => {
      response.writeHead(200, { 'content-length': content.length + 1 }).end(Buffer.alloc(content.length + 1));
    });
    expect(fault).toMatchObject({ code: 'size-mismatch', details: { expected: 3000, received: 3001 } });
    expect(server.requests).toHaveLength(1);
  });

  it('a body shorter than its length, each time: truncated, after three tries', async () => {
    const { fault, server } = await faultWith((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 500), () => response.destroy());
    });
    expect(fault).toMatchObject({ code: 'upstream-truncated', details: { tries: 3 } });
    expect(server.requests).toHaveLength(3);
  });

  it('a chunked body that breaks off: truncated', async () => {
    const { fault } = await faultWith((_, response) => {
      response.write(content.subarray(0, 500), () => response.destroy());
    });
    expect(fault.code).toBe('upstream-truncated');
  });

  it('an error page with status 200: unexpected content', async () => {
    const page = '<!DOCTYPE html><title>Sorry</title>';
    const { fault } = await faultWith((_, response) => void response.setHeader('content-type', 'text/html').end(page));
    expect(fault).toMatchObject({ code: 'upstream-unexpected-content', details: { contentType: 'text/html' } });
    const server = await bench.serve((_, response) => void response.end(page));
    const small = await faultOf(bench.source(server.origin).fetchSmall('server.ini', { maxBytes: 1000 }));
    expect(small.code).toBe('upstream-unexpected-content');
  });

  it('a file labelled as a web page is taken when its size is right', async () => {
    const server = await bench.serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': content.length }).end(content);
    });
    expect((await bench.source(server.origin).fetchBlob('a', request)).sha256).toBe(sha256);
  });

  it('a compressed answer that was not asked for: unexpected content', async () => {
    const { fault, server } = await faultWith((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    });
    expect(fault).toMatchObject({ code: 'upstream-unexpected-content', details: { encoding: 'gzip' } });
    expect(server.requests[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'user-agent': 'Haishin/0.0-test',
    });
  });

  it('something that is not HTTP: unexpected content', async () => {
    const other = await listen(createServer((socket) => void socket.end('220 mail.example ESMTP\r\n')));
    bench.onClose(other.close);
    const fault = await faultOf(bench.source(`http://127.0.0.1:${other.port}`).fetchBlob('a', request));
    expect(fault.code).toBe('upstream-unexpected-content');
  });

  it.each([
    [404, 'upstream-not-found', 1],
    [410, 'upstream-not-found', 1],
    [401, 'upstream-refused', 1],
    [403, 'upstream-refused', 1],
    [400, 'upstream-http-status', 1],
    [206, 'upstream-http-status', 1],
    [500, 'upstream-http-status', 3],
    [503, 'upstream-http-status', 3],
  ])('status %i: %s, %i tries', async (status, code, tries) => {
    const { fault, server } = await faultWith((_, response) => void response.writeHead(status).end('no'));
    expect(fault).toMatchObject({ code, details: { status } });
    expect(server.requests).toHaveLength(tries);
  });

  it('a passing 502 is got over', async () => {
    const server = await bench.serve((_, response) => {
      if (server.requests.length < 3) response.writeHead(502).end();
      else response.end(content);
    });
    expect(await bench.source(server.origin).fetchBlob('a', request)).toMatchObject({ sha256, size: 3000 });
  });

  it('shows no credentials in its address or faults', async () => {
    const server = await bench.serve((_, response) => void response.writeHead(500).end());
    const source = bench.source(server.origin.replace('http://', 'http://user:secret@'));
    const fault = await faultOf(source.fetchBlob('a', request));
    expect(JSON.stringify([source.url, fault.message, fault.details])).not.toContain('secret');
  });

  it.each(['../a', 'a/../../b', '/etc/passwd', 'C:/a', 'a\\b', 'a//b', 'a\0b', ''])(
    'never asks for the path %j',
    async (path) => {
      const server = await bench.serve((_, response) => void response.end(content));
      expect((await faultOf(bench.source(server.origin).fetchBlob(path, request))).code).toBe('upstream-path-refused');
      expect(server.requests).toHaveLength(0);
    },
  );

  it('encodes what could mean something else in a URL', async () => {
    const server = await bench.serve((_, response) => void response.end(content));
    await bench.source(`${server.origin}/base`).fetchBlob('a b/%2e%2e/c?d#e.zip', request);
    expect(server.requests[0]?.url).toBe('/base/a%20b/%252e%252e/c%3Fd%23e.zip');
  });

  it('does not blame the upstream for our own bandwidth limit', async () => {
    const { Bandwidth } = await import('../../src/mirror/upstream/bandwidth.js');
    const server = await bench.serve((_, response) => void response.end(content));
    // 3000 bytes at 3000 a second: longer than any silence that is borne.
    const source = bench.source(server.origin, { bandwidth: new Bandwidth(3000) });
    const started = performance.now();
    expect((await source.fetchBlob('a', request)).sha256).toBe(sha256);
    expect(performance.now() - started).toBeGreaterThan(700);
  });

  it.each(['before an answer', 'in the middle'])('stops at once when cancelled %s', async (when) => {
    const cancel = new AbortController();
    const server = await bench.serve((_, response) => {
      if (when === 'in the middle') {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, 100), () => cancel.abort());
      } else cancel.abort();
    });
    const fault = await faultOf(bench.source(server.origin).fetchBlob('a', { ...request, signal: cancel.signal }));
    expect(fault).toMatchObject({ kind: 'conflict', code: 'cancelled' });
    expect(server.requests).toHaveLength(1);
    expect(await readdir(join(bench.directory, 'incoming'))).toEqual([]);
  });

  it('stores what arrived, to the byte', async () => {
    const server = await bench.serve((_, response) => void response.setHeader('etag', '"1"').end(content));
    let progress = 0;
    const blob = await bench
      .source(server.origin)
      .fetchBlob('a', { ...request, onProgress: (bytes) => (progress += bytes) });
    expect(blob).toEqual({ status: 'ok', sha256, size: 3000, etag: '"1"' });
    expect(progress).toBe(3000);
    expect(await readFile(bench.store.pathOf(sha256))).toEqual(content);
  });
});
