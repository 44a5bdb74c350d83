import { createHash } from 'node:crypto';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

const hash = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
const same = (content: Buffer): Buffer => content;
const longer = (content: Buffer): Buffer => Buffer.concat([content, Buffer.from('longer by a line')]);
const always = (content: Buffer) => (): Buffer => content;

describe('a vendor whose signatures follow last, under names that the release before had already', () => {
  // One name in every release that has an increment from 240 or 239.
  const REUSED = ['pattern/v_240.sig', 'pattern/v_239.sig'];
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
  });
  afterEach(() => bench.close());

  const read = async (base: string, path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${base}/${path}`)).arrayBuffer());
  const theirs = (path: string): Promise<Buffer> => read(bench.upstream.url, path);
  const ours = (path: string): Promise<Buffer> => read(`${bench.haishin.http}/activeupdate`, path);
  const transform = (pattern: RegExp, how: (content: Buffer) => Buffer): void =>
    bench.upstream.set(pattern, { kind: 'transform', transform: how });
  const keepSignatures = async (): Promise<void> => {
    for (const path of REUSED) transform(new RegExp(`${path}$`), always(await theirs(path)));
  };

  it('nothing new comes into force with the signature of what was before it', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await keepSignatures();
    bench.tree.publish(['virus-pattern']);
    for (const attempt of ['first', 'second']) {
      const download = await bench.api.download();
      expect([attempt, outcomeOf(download, 'virus-pattern')]).toMatchObject([
        attempt,
        { outcome: 'failed', error: { code: 'upstream-publishing' } },
      ]);
    }
    expect(await bench.served()).toEqual(before);
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it.each([
    // Each is published at first, and looked at again.
    ['was shorter than another one', { kind: 'transform', transform: longer } as const, /vsapi\d+\.sig$/],
    ['was older than its file', { kind: 'transform', transform: same, ageSeconds: 3600 } as const, /v_2\d+\.sig$/],
  ])('the same after the signature of what was before it %s', async (_, fault, pattern) => {
    bench.upstream.set(pattern, fault);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await keepSignatures();
    bench.tree.publish(['virus-pattern']);
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({
      outcome: 'failed',
      error: { code: 'upstream-publishing' },
    });
    expect(await bench.served()).toEqual(before);
  });

  it('the same after the signature of what was before it was signed anew', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    transform(/server\.ini$/, (ini) =>
      Buffer.from(ini.toString('latin1').replace(/^CertExpireDate=.*$/m, 'CertExpireDate=Jul 21 07:49:22 2044 GMT')),
    );
    transform(/v_2\d+\.sig$/, longer);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    await keepSignatures();
    bench.tree.publish(['virus-pattern']);
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({ outcome: 'failed' });
    expect((await bench.served()).global.files).toEqual(before.global.files);
  });

  it('the same for a file of the same name and size that is signed anew', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const [file, signature] = ['pattern/v_240.241', 'pattern/v_240.sig'];
    const [old, oldSignature] = [await ours(file), await ours(signature)];
    const flip = (content: Buffer): Buffer =>
      Buffer.from(content).map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)) as Buffer;
    let asked = 0;
    const renew = (ini: Buffer): Buffer =>
      Buffer.from(ini.toString('latin1').replace(/^CertExpireDate=.*$/m, 'CertExpireDate=Jul 21 07:49:22 2044 GMT'));
    transform(/server\.ini$/, renew);
    transform(/v_240\.241$/, flip);
    // The second answer comes from another machine of the vendor's, which has not got the new one yet.
    transform(/v_240\.sig$/, (content) => (++asked === 1 ? flip(content) : content));
    await bench.api.download();
    expect(asked).toBeGreaterThan(1);
    expect([hash(await ours(file)), hash(await ours(signature))]).toEqual([hash(old), hash(oldSignature)]);
    bench.upstream.clear();
    transform(/server\.ini$/, renew);
    transform(/v_240\.241$/, flip);
    transform(/v_240\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect([hash(await ours(file)), hash(await ours(signature))]).toEqual([hash(flip(old)), hash(flip(oldSignature))]);
  });

  it('what a source says for an hour it means', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await keepSignatures();
    bench.tree.publish(['virus-pattern']);
    for (const minutes of [0, 30, 20]) {
      clock.advance(minutes * 60_000);
      expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    }
    clock.advance(11 * 60_000);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global.manifest).toContain('pattern/vsapi242.zip');
    bench.upstream.clear();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('a file that one machine of the source keeps longer than its signature comes with the next run', async () => {
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const [file, signature] = ['pattern/v_240.241', 'pattern/v_240.sig'];
    const flip = (content: Buffer): Buffer =>
      Buffer.from(content).map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)) as Buffer;
    transform(/server\.ini$/, (ini) =>
      Buffer.from(ini.toString('latin1').replace(/^CertExpireDate=.*$/m, 'CertExpireDate=Jul 21 07:49:22 2044 GMT')),
    );
    transform(/v_240\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    transform(/v_240\.241$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(hash(await ours(file))).toBe(hash(await theirs(file)));
    expect(hash(await ours(signature))).toBe(hash(await theirs(signature)));
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('an entry that is new and not signed yet gets its signature later, although no line has changed', async () => {
    bench.upstream.set(/vsapi241\.sig$/, { kind: 'status', status: 404 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await fetch(`${bench.haishin.http}/activeupdate/pattern/vsapi241.sig`)).status).toBe(404);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('the same where content of its own takes the place of derived content', async () => {
    const japan = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005, japanTree: true }) });
    try {
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      await bench.setting('update-source', { japanSources: [{ url: `${japan.url}/japan` }] });
      japan.set(/vsapi241\.sig$/, { kind: 'status', status: 404 });
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      japan.clear();
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      for (const path of ['pattern/vsapi241.zip', 'pattern/vsapi241.sig'])
        expect(hash(await read(`${bench.haishin.http}/activeupdate/japan`, path))).toBe(
          hash(await read(`${japan.url}/japan`, path)),
        );
    } finally {
      await japan.close();
    }
  });

  it('a signature older than its file, of a release never seen here, is followed by the right one', async () => {
    const signatures = new Map<string, Buffer>();
    for (const path of REUSED) signatures.set(path, await theirs(path));
    bench.tree.publish(['virus-pattern']);
    for (const [path, old] of signatures)
      bench.upstream.set(new RegExp(`${path}$`), { kind: 'transform', transform: always(old), ageSeconds: 3600 });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('the beginning of a signature, with a length that agrees, is followed by all of it', async () => {
    bench.upstream.set(/v_240\.sig$/, { kind: 'transform', transform: (it) => it.subarray(0, 20), keepsEtag: true });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await ours('pattern/v_240.sig')).toHaveLength(20);
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('signatures that differ by a few bytes in length are whole, and looked at once', async () => {
    transform(/vsapi\d+\.sig$/, (content) => Buffer.concat([content, Buffer.from('DER')]));
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it('signatures that are all alike say nothing, and hold nothing up', async () => {
    transform(/\.sig$/, always(Buffer.from('unsigned')));
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect((await bench.served()).global.manifest).toContain('pattern/vsapi242.zip');
  });
});
