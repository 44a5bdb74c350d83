import { createHash } from 'node:crypto';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { MirrorBench } from './mirror-bench.js';

const hash = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
const flip = (content: Buffer): Buffer =>
  Buffer.from(content).map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)) as Buffer;
/** Another line of [Common]: every signature is looked at. */
const changeCommon = (content: Buffer): Buffer =>
  Buffer.from(content.toString('latin1').replace(/^ActiveUpdate=.*$/m, 'ActiveUpdate=2.86.0.4003'), 'latin1');

describe('a vendor who uploads signatures before their files', () => {
  // No archive: any byte of it may change. Its signature serves this file alone.
  const PATHS = ['pattern/v_240.241', 'pattern/v_240.sig'];
  let bench: MirrorBench;
  let clock: ManualClock;
  let before: string[];
  beforeEach(async () => {
    clock = new ManualClock(new Date());
    bench = await MirrorBench.open({ clock });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    before = await hashesAt(`${bench.haishin.http}/activeupdate`);
    transform(/server\.ini$/, changeCommon);
    transform(/v_240\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await hashesAt(`${bench.haishin.http}/activeupdate`)).toEqual(before);
  });
  afterEach(() => bench.close());

  const hashAt = async (url: string): Promise<string> => hash(Buffer.from(await (await fetch(url)).arrayBuffer()));
  const hashesAt = (base: string): Promise<string[]> => Promise.all(PATHS.map((path) => hashAt(`${base}/${path}`)));
  const transform = (pattern: RegExp, how: (content: Buffer) => Buffer): void =>
    bench.upstream.set(pattern, { kind: 'transform', transform: how });
  const requireTheirs = async (): Promise<void> =>
    expect(await hashesAt(`${bench.haishin.http}/activeupdate`)).toEqual(await hashesAt(bench.upstream.url));

  it('what is published stays a pair until the file has come', async () => {
    transform(/v_240\.241$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireTheirs();
  });

  it('the same when the signature is replaced by another one before the file has come', async () => {
    const flipTwice = (content: Buffer): Buffer => Buffer.concat([flip(content), Buffer.from('!')]);
    transform(/v_240\.sig$/, flipTwice);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(await hashesAt(`${bench.haishin.http}/activeupdate`)).toEqual(before);
    transform(/v_240\.241$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireTheirs();
  });

  it('the same for a release that comes back into force meanwhile', async () => {
    bench.upstream.clear();
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const [file, signature] = ['pattern/v_241.242', 'pattern/v_241.sig'];
    const ours = (path: string): Promise<string> => hashAt(`${bench.haishin.http}/activeupdate/${path}`);
    const pair = [await ours(file), await ours(signature)];
    const component = '/api/v1/components/virus-pattern';
    expect(await bench.api.post(`${component}/rollback`, {})).toMatchObject({ status: 200 });
    expect(await bench.api.post(`${component}/resume`, {})).toMatchObject({ status: 200 });
    transform(/v_241\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect([await ours(file), await ours(signature)]).toEqual(pair);
  });

  it('the same for a release whose own signature came a little after it', async () => {
    bench.upstream.clear();
    const steps = bench.tree.publishSlowly(['virus-pattern']);
    while (steps.next().value !== 'new-manifest-without-signatures');
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    steps.next();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const ours = (path: string): Promise<string> => hashAt(`${bench.haishin.http}/activeupdate/pattern/${path}`);
    const pair = async (): Promise<string[]> => [await ours('v_241.242'), await ours('v_241.sig')];
    const published = await pair();
    transform(/server\.ini$/, changeCommon);
    transform(/v_241\.sig$/, flip);
    await bench.api.download();
    expect(await pair()).toEqual(published);
  });

  it('a signature that has come alone for an hour is one of the same file', async () => {
    for (const minutes of [20, 20]) {
      clock.advance(minutes * 60_000);
      await bench.api.download();
      expect(await hashesAt(`${bench.haishin.http}/activeupdate`)).toEqual(before);
    }
    clock.advance(21 * 60_000);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireTheirs();
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toHaveLength(1);
  });
});
