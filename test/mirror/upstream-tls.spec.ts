import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Authority } from '../support/authority.js';
import { Bench, faultOf, listen, type Handler } from './upstream-server.js';

const request = { size: 5, maxBytes: 100 };
const answer: Handler = (_, response) => void response.end('hello');

describe('an upstream over HTTPS', () => {
  let bench: Bench;
  let authority: Authority;
  let caFile: string;
  const loopback = { type: 'ip' as const, value: '127.0.0.1' };

  beforeEach(async () => {
    bench = await Bench.open();
    authority = await Authority.make();
    caFile = join(bench.directory, 'ca.pem');
    await writeFile(caFile, authority.pem);
  });
  afterEach(() => bench.close());

  it('is trusted through the additional CA file', async () => {
    const server = await bench.serve(answer, await authority.issue(loopback));
    expect(await bench.source(server.origin, { caFile }).fetchBlob('a', request)).toMatchObject({ size: 5 });
  });

  it.each([
    ['unknown-ca', loopback, [-1, 1], false],
    ['expired', loopback, [-3, -2], true],
    ['not-yet-valid', loopback, [2, 3], true],
    ['wrong-name', { type: 'dns' as const, value: 'other.example' }, [-1, 1], true],
  ] as const)('is refused at once: %s', async (reason, host, days, trusted) => {
    const server = await bench.serve(answer, await authority.issue(host, days));
    const fault = await faultOf(bench.source(server.origin, trusted ? { caFile } : {}).fetchBlob('a', request));
    expect(fault).toMatchObject({
      kind: 'upstream',
      code: 'upstream-tls',
      details: { reason, url: `${server.origin}/a` },
    });
    expect(server.requests).toHaveLength(0);
  });

  it('is accepted unverified only when that was set explicitly', async () => {
    const server = await bench.serve(answer, await authority.issue(loopback, [-3, -2]));
    expect(await bench.source(server.origin, { tlsVerify: false }).fetchBlob('a', request)).toMatchObject({ size: 5 });
  });

  it('may not redirect to HTTP, not even on an allowed host', async () => {
    const plain = await bench.serve(answer);
    const tls = await authority.issue(loopback);
    const server = await bench.serve(
      (_, response) => void response.writeHead(302, { location: `${plain.origin}/a` }).end(),
      tls,
    );
    const source = bench.source(server.origin, { caFile, allowRedirectHosts: ['127.0.0.1'] });
    expect((await faultOf(source.fetchBlob('a', request))).code).toBe('upstream-redirect-refused');
    expect(plain.requests).toHaveLength(0);
  });

  it('that speaks plain HTTP on its port: a failed handshake', async () => {
    const server = await bench.serve(answer);
    const fault = await faultOf(bench.source(server.origin.replace('http:', 'https:')).fetchBlob('a', request));
    expect(fault).toMatchObject({ code: 'upstream-tls', details: { reason: 'handshake' } });
  });

  it('that never finishes the handshake: no connection within the limit', async () => {
    const silent = await listen(createServer());
    bench.onClose(silent.close);
    const fault = await faultOf(bench.source(`https://127.0.0.1:${silent.port}`).fetchBlob('a', request));
    expect(fault.code).toMatch(/^upstream-(unreachable|timeout)$/);
  });

  it('a CA file that is missing or holds no certificate is refused when the source is made', async () => {
    await writeFile(caFile, 'not a certificate');
    const make = (path: string) => () => bench.source('https://127.0.0.1/', { caFile: path });
    expect(make(caFile)).toThrow(expect.objectContaining({ kind: 'bad-input', code: 'ca-file-unreadable' }));
    expect(make(`${caFile}.missing`)).toThrow(expect.objectContaining({ code: 'ca-file-unreadable' }));
  });
});
