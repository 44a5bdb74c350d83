import type { FaultScript } from '../support/faulty-upstream.js';
import { hugeManifest } from '../support/manifest-faults.js';
import type { Fault } from '../support/transfer-fault.js';
import { IMPATIENT, MirrorBench } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;
const MEBIBYTE = 1024 * 1024;

interface Case {
  name: string;
  fault: Fault;
  script?: FaultScript;
  code: string;
}

const cases: Case[] = [
  { name: 'connections that break', fault: { kind: 'reset' }, code: 'upstream-unreachable' },
  { name: 'silence before the head', fault: { kind: 'hang-before-headers' }, code: 'upstream-timeout' },
  { name: 'silence in the body', fault: { kind: 'hang-mid-body', afterBytes: 100 }, code: 'upstream-timeout' },
  { name: 'a slow drip', fault: { kind: 'drip', bytesPerSecond: 100 }, code: 'upstream-too-slow' },
  { name: 'an endless body', fault: { kind: 'endless' }, code: 'size-exceeded' },
  { name: 'a length that is too long', fault: { kind: 'wrong-length', deltaBytes: 10 }, code: 'upstream-truncated' },
  { name: 'a body cut off', fault: { kind: 'truncated', afterBytes: 100 }, code: 'upstream-truncated' },
  { name: 'an error page with status 200', fault: { kind: 'html-page' }, code: 'upstream-unexpected-content' },
  {
    name: 'a redirect elsewhere',
    fault: { kind: 'redirect', to: 'http://elsewhere.invalid' },
    code: 'upstream-redirect-refused',
  },
  { name: '404', fault: { kind: 'status', status: 404 }, code: 'upstream-not-found' },
  { name: '403', fault: { kind: 'status', status: 403 }, code: 'upstream-refused' },
  { name: '500', fault: { kind: 'status', status: 500 }, code: 'upstream-http-status' },
  {
    name: '503 with Retry-After',
    fault: { kind: 'status', status: 503, headers: { 'Retry-After': '120' } },
    code: 'upstream-busy',
  },
  { name: 'an empty answer', fault: { kind: 'transform', transform: () => Buffer.alloc(0) }, code: 'manifest-not-ini' },
  {
    name: 'text that is no manifest',
    fault: { kind: 'transform', transform: () => Buffer.from('Service temporarily unavailable\r\n') },
    code: 'manifest-not-ini',
  },
  {
    name: 'a manifest without entries',
    fault: { kind: 'transform', transform: () => Buffer.from('[Common]\r\nVersion=1.0\r\n[PATTERN]\r\n') },
    code: 'manifest-empty',
  },
  {
    name: 'a manifest of 100 MB',
    fault: { kind: 'stream', chunks: (content) => hugeManifest(content, 100 * MEBIBYTE) },
    code: 'size-exceeded',
  },
  {
    name: 'a manifest that names too many files',
    fault: { kind: 'transform', transform: withManyFiles },
    code: 'manifest-too-many-files',
  },
];

function withManyFiles(manifest: Buffer): Buffer {
  const lines = Array.from({ length: 60_000 }, (_, n) => `P.${(n + 4096).toString(16)}=p/${n}.zip, 1, 1`);
  return Buffer.from(manifest.toString('latin1').replace('[ENGINE]', `${lines.join('\r\n')}\r\n[ENGINE]`), 'latin1');
}

describe('a manifest that cannot be had', () => {
  let bench: MirrorBench;
  beforeAll(async () => {
    bench = await MirrorBench.open({ limits: IMPATIENT });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => bench.close());
  afterEach(() => bench.upstream.clear());

  it.each(cases)('$name: $code, nothing changes, and the next run recovers', async ({ fault, script, code }) => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(MANIFEST, fault, script);

    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'failed', error: { code }, snapshotId: null });
    expect(download.error.message).toMatch(/\w+ \w+/);
    const pattern = await bench.api.component('virus-pattern');
    expect(pattern).toMatchObject({
      available: { state: 'unknown', version: null, reason: code },
      updateNeeded: false,
    });
    expect(pattern.current).not.toBeNull();
    expect(await bench.served()).toEqual(before);

    const again = await bench.api.download();
    expect(again.error.code).toBe(code);
    expect((await bench.api.component('virus-pattern')).available.since).toBe(pattern.available.since);

    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', error: null });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'version', reason: null } });
    await bench.expectCurrent();
  });

  it('refused connections: unreachable, and back by itself', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    await bench.upstream.refuseConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'failed', error: { code: 'upstream-unreachable' } });
    expect(await bench.served()).toEqual(before);
    await bench.upstream.acceptConnections();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a passing fault is got over within one run', async () => {
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(MANIFEST, { kind: 'reset' }, { times: 1 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
