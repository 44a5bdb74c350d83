import type { FaultScript } from '../support/faulty-upstream.js';
import type { Fault } from '../support/transfer-fault.js';
import { filesLike, MirrorBench, outcomeOf } from './mirror-bench.js';

interface Case {
  name: string;
  fault: Fault;
  script?: FaultScript;
  code: string;
}

const cases: Case[] = [
  { name: 'connections that break', fault: { kind: 'reset' }, code: 'upstream-unreachable' },
  { name: 'silence before the head', fault: { kind: 'hang-before-headers' }, code: 'upstream-timeout' },
  { name: 'silence in the body', fault: { kind: 'hang-mid-body', afterBytes: 2000 }, code: 'upstream-timeout' },
  { name: 'a slow drip', fault: { kind: 'drip', bytesPerSecond: 100 }, code: 'upstream-too-slow' },
  { name: 'an endless body', fault: { kind: 'endless' }, code: 'size-mismatch' },
  { name: 'a length that is too long', fault: { kind: 'wrong-length', deltaBytes: 10 }, code: 'size-mismatch' },
  { name: 'a length that is too short', fault: { kind: 'wrong-length', deltaBytes: -10 }, code: 'size-mismatch' },
  // Each cut starts at the front again: with a validator a file that is cut now and then arrives all the same.
  { name: 'a body cut off at once', fault: { kind: 'truncated', afterBytes: 0 }, code: 'upstream-truncated' },
  { name: 'a file that is shorter than announced', fault: { kind: 'resized', deltaBytes: -7 }, code: 'size-mismatch' },
  { name: 'a file that is longer than announced', fault: { kind: 'resized', deltaBytes: 7 }, code: 'size-mismatch' },
  { name: 'wrong bytes of the right size', fault: { kind: 'corrupted' }, code: 'zip-corrupt' },
  { name: 'an error page with status 200', fault: { kind: 'html-page' }, code: 'upstream-unexpected-content' },
  {
    name: 'a redirect elsewhere',
    fault: { kind: 'redirect', to: 'http://elsewhere.invalid' },
    code: 'upstream-redirect-refused',
  },
  { name: '404', fault: { kind: 'status', status: 404 }, code: 'upstream-not-found' },
  { name: '403', fault: { kind: 'status', status: 403 }, code: 'upstream-refused' },
  { name: '500', fault: { kind: 'status', status: 500 }, code: 'upstream-http-status' },
];

describe('a file that cannot be had', () => {
  let bench: MirrorBench;
  beforeAll(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => bench.close());
  afterEach(() => bench.upstream.clear());

  it.each(cases)('$name: $code for its component alone', async ({ fault, script, code }) => {
    const before = await bench.served();
    const wasAt = (await bench.api.component('virus-pattern')).current;
    bench.tree.publish(['virus-pattern', 'spyware-pattern', 'virus-scan-engine']);
    bench.upstream.set(/\/vsapi\d+\.zip$/, fault, script);

    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial', error: null });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'failed', error: { code } });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated', error: null });
    expect(outcomeOf(download, 'virus-scan-engine')).toMatchObject({ outcome: 'updated' });

    const pattern = await bench.api.component('virus-pattern');
    expect(pattern).toMatchObject({ current: wasAt, available: { state: 'unknown', reason: code } });
    expect(Date.parse(pattern.available.since as string)).not.toBeNaN();
    const after = await bench.served();
    expect(filesLike(after.global, /vsapi|\/v_/)).toEqual(filesLike(before.global, /vsapi|\/v_/));
    expect(filesLike(after.global, /ssaptn/)).not.toEqual(filesLike(before.global, /ssaptn/));
    expect(after.japan.files).toEqual(after.global.files);

    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'version' } });
    await bench.expectCurrent();
  });

  it('a body that is cut again and again is continued where it broke off', async () => {
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(/\/vsapi\d+\.zip$/, { kind: 'truncated', afterBytes: 10_000 }, { times: 3 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(bench.upstream.requested(/\/vsapi\d+\.zip$/).at(-1)?.range).toBe('bytes=30000-');
    await bench.expectCurrent();
  });

  it('an increment that is missing holds back its component, and the product packages go on', async () => {
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(/\/v_\d+\.\d+$/, { kind: 'status', status: 404 }, { times: 1 });
    const download = await bench.api.download();
    expect(download.state).toBe('partial');
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({
      error: {
        code: 'upstream-not-found',
        message: expect.stringMatching(/^The upstream does not have http\S+\/pattern\//),
      },
    });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    await bench.served();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('fails as a whole when nothing could be brought and nothing else was looked at', async () => {
    bench.tree.publish(['virus-pattern']);
    bench.upstream.set(/\/vsapi\d+\.zip$/, { kind: 'status', status: 500 });
    expect(await bench.api.download(['virus-pattern'])).toMatchObject({
      state: 'failed',
      error: { code: 'upstream-http-status' },
    });
    expect(await bench.api.component('spyware-pattern')).toMatchObject({ available: { state: 'version' } });
    bench.upstream.clear();
    expect(await bench.api.download(['virus-pattern'])).toMatchObject({ state: 'succeeded' });
  });

  it('an entry that no component claims is named in the outcome and keeps what it had', async () => {
    bench.tree.publish(['P.800', 'virus-pattern']);
    bench.upstream.set(/\/tsc\d+\.zip$/, { kind: 'status', status: 500 });
    const download = await bench.api.download();
    expect(download.state).toBe('partial');
    expect(outcomeOf(download, 'P.800')).toMatchObject({ outcome: 'failed', error: { code: 'upstream-http-status' } });
    await bench.served();
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a source that hangs on every file is given up, not waited for file by file', async () => {
    const before = await bench.served();
    bench.tree.publish();
    bench.upstream.set(/\.(zip|\d+)$|rr_/, { kind: 'hang-before-headers' });
    bench.upstream.requests.length = 0;
    const download = await bench.api.download();
    expect(['failed', 'partial']).toContain(download.state);
    // Those that were under way to the end of their patience, not all of them.
    const asked = new Set(bench.upstream.requested(/\.(zip|\d+)$|rr_/).map(({ path }) => path));
    expect(asked.size).toBeGreaterThan(0);
    expect(asked.size).toBeLessThan(20);
    expect(await bench.served()).toEqual(before);
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
