import { createHash } from 'node:crypto';
import pg from 'pg';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { IMPATIENT, MirrorBench, outcomeOf } from './mirror-bench.js';

const flip = (content: Buffer): Buffer =>
  Buffer.from(content).map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)) as Buffer;
const hash = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe('a vendor who signs anew what keeps its name', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ limits: IMPATIENT });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  const ours = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${bench.haishin.http}/activeupdate/${path}`)).arrayBuffer());
  const theirs = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${bench.upstream.url}/${path}`)).arrayBuffer());
  const same = async (path: string): Promise<void> => expect(hash(await ours(path))).toBe(hash(await theirs(path)));
  /** The unit is another one, although its full file keeps name, version and size. */
  const touching =
    (remark: string) =>
    (content: Buffer): Buffer =>
      Buffer.from(content.toString('latin1').replace(/^P\.4=[^\r\n]*/m, `$& ; ${remark}`), 'latin1');
  const touchUnit = touching('again');

  const renew = (content: Buffer): Buffer =>
    Buffer.from(
      content.toString('latin1').replace(/^CertExpireDate=.*$/m, 'CertExpireDate=Jul 21 07:49:22 2044 GMT'),
      'latin1',
    );

  /** Another line of [Common]: everything is looked at, and nothing is expected to be another one. */
  const changeCommon = (content: Buffer): Buffer =>
    Buffer.from(content.toString('latin1').replace(/^ActiveUpdate=.*$/m, 'ActiveUpdate=2.86.0.4003'), 'latin1');

  it('a file under the same version and size is fetched again when its signature is another', async () => {
    const path = 'pattern/vsapi241.zip';
    // No archive: any byte of it may change.
    const increment = 'pattern/v_240.241';
    bench.upstream.set(/server\.ini$/, { kind: 'transform', transform: touchUnit });
    bench.upstream.set(/v_240\.241$/, { kind: 'transform', transform: flip });
    bench.upstream.set(/v_240\.sig$/, { kind: 'transform', transform: flip });
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await same(increment);
    await same('pattern/v_240.sig');
    // What has its old signature is not asked for at all.
    expect(bench.upstream.requested(/vsapi241\.zip$/)).toEqual([]);
    await same(path);
  });

  // No archive: any byte of it may change. Its signature serves this file alone.
  const INCREMENT = 'pattern/v_240.241';
  const SIGNATURE = 'pattern/v_240.sig';
  const requireSame = async (): Promise<void> => {
    await same(INCREMENT);
    await same(SIGNATURE);
  };
  const transform = (pattern: RegExp, how: (content: Buffer) => Buffer): void =>
    bench.upstream.set(pattern, { kind: 'transform', transform: how });
  const signAnew = (): void => {
    transform(/v_240\.241$/, flip);
    transform(/v_240\.sig$/, flip);
  };

  it('a file is fetched with its new signature, although no line of its entry has changed', async () => {
    transform(/server\.ini$/, renew);
    signAnew();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireSame();
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('the same when the signature of a file beside it could not be had at first', async () => {
    transform(/server\.ini$/, renew);
    signAnew();
    bench.upstream.set(/v_239\.sig$/, { kind: 'status', status: 500 });
    await bench.api.download();
    // What is served is a pair, whichever.
    expect(hash(await ours(INCREMENT)) === hash(await theirs(INCREMENT))).toBe(
      hash(await ours(SIGNATURE)) === hash(await theirs(SIGNATURE)),
    );
    bench.upstream.clear();
    transform(/server\.ini$/, renew);
    signAnew();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireSame();
  });

  it('a signature that cannot be had is looked for again, and those of other components are not', async () => {
    transform(/server\.ini$/, changeCommon);
    bench.upstream.set(/v_239\.sig$/, { kind: 'status', status: 500 });
    for (let run = 0; run < 2; run++) {
      bench.upstream.requests.length = 0;
      await bench.api.download();
      expect(bench.upstream.requested(/v_239\.sig$/)).not.toEqual([]);
    }
    expect(bench.upstream.requested(/ssaptn.*\.sig$/)).toEqual([]);
    // The manifest is asked for only under the condition that it has changed.
    expect(bench.upstream.requested(/server\.ini$/)).toMatchObject([{ status: 304 }]);
    bench.upstream.clear();
    transform(/server\.ini$/, changeCommon);
    await bench.api.download();
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it('a file that came with a run that failed is not taken for another one that is signed anew since', async () => {
    bench.tree.publish(['virus-pattern']);
    const [news] = [...bench.tree.files().keys()].filter((path) => /pattern\/v_241\.242$/.test(path));
    bench.upstream.set(/v_241\.sig$/, { kind: 'status', status: 500 });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    expect(bench.upstream.requested(/v_241\.242$/)).toHaveLength(1);
    bench.upstream.clear();
    transform(/v_241\.242$/, flip);
    transform(/v_241\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await same(news ?? '');
    await same('pattern/v_241.sig');
  });

  it('files and signatures that came with a run that failed are not asked for again, also under names used before', async () => {
    bench.tree.publish(['virus-pattern']);
    // Late enough for the others to have come.
    bench.upstream.set(/vsapi242\.sig$/, { kind: 'hang-before-headers' });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    expect(bench.upstream.requested(/v_240\.sig$/)).not.toEqual([]);
    bench.upstream.clear();
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(bench.upstream.requested(/v_240\.242$/)).toEqual([]);
    await bench.expectCurrent();
  });

  it('a content that a failed run has seen is given up when the source goes back to the one before', async () => {
    transform(/server\.ini$/, touchUnit);
    signAnew();
    // Late enough for the other content to have come.
    bench.upstream.set(/v_239\.sig$/, { kind: 'hang-before-headers' });
    expect(await bench.api.download()).toMatchObject({ state: 'partial' });
    bench.upstream.clear();
    transform(/server\.ini$/, touching('otherwise'));
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireSame();
  });

  it('a signature that was published without its file is joined by it, once the source has said so for an hour', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    transform(/v_240\.241$/, flip);
    // As a server left it that took the one for unchanged and the other for new.
    const database = new pg.Client({ connectionString: bench.haishin.database.url });
    await database.connect();
    const delivered = hash(await theirs(INCREMENT));
    const { rowCount } = await database.query(`update upstream_file set sha256 = $1 where path = $2`, [
      delivered,
      INCREMENT,
    ]);
    await database.end();
    expect(rowCount).toBe(1);
    expect(hash(await ours(INCREMENT))).not.toBe(hash(await theirs(INCREMENT)));
    bench.tree.publish(['spyware-pattern']);
    await bench.api.download();
    clock.advance(61 * 60_000);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireSame();
  });

  it('new signatures that follow the certificate are taken over, for an hour', async () => {
    const clock = new ManualClock(new Date());
    await bench.restart({ clock });
    transform(/server\.ini$/, renew);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    transform(/\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    for (const path of bench.tree.files().keys()) if (path.endsWith('.sig')) await same(path);
    clock.advance(61 * 60_000);
    bench.upstream.requests.length = 0;
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    expect(bench.upstream.requested(/\.sig$/)).toEqual([]);
  });

  it('the same for a component that could not be had when the certificate came', async () => {
    const renewAndTouch = (content: Buffer): Buffer => renew(touchUnit(content));
    transform(/server\.ini$/, renewAndTouch);
    bench.upstream.set(/v_239\.sig$/, { kind: 'status', status: 500 });
    expect(outcomeOf(await bench.api.download(), 'virus-pattern')).toMatchObject({ outcome: 'failed' });
    bench.upstream.clear();
    transform(/server\.ini$/, renewAndTouch);
    transform(/v_240\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await requireSame();
    transform(/v_239\.sig$/, flip);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await same('pattern/v_239.sig');
  });

  it('new signatures alone are taken over when the certificate is another, and cost no file', async () => {
    bench.upstream.set(/server\.ini$/, { kind: 'transform', transform: renew });
    bench.upstream.set(/\.sig$/, { kind: 'transform', transform: flip });
    bench.upstream.requests.length = 0;
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    const signatures = [...bench.tree.files().keys()].filter((path) => path.endsWith('.sig'));
    for (const path of signatures) await same(path);
    expect((await ours('server.ini')).toString('latin1')).toContain('CertExpireDate=Jul 21 07:49:22 2044 GMT');
    const bodies = bench.upstream.requests.filter(
      ({ path, status }) => status === 200 && !/\.sig$|server\.ini$/.test(path),
    );
    expect(bodies).toEqual([]);
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ error: null });
  });
});
