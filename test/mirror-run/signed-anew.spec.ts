import { createHash } from 'node:crypto';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

const flip = (content: Buffer): Buffer =>
  Buffer.from(content).map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)) as Buffer;
const hash = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe('a vendor who signs anew what keeps its name', () => {
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  const ours = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${bench.haishin.http}/activeupdate/${path}`)).arrayBuffer());
  const theirs = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${bench.upstream.url}/${path}`)).arrayBuffer());
  const same = async (path: string): Promise<void> => expect(hash(await ours(path))).toBe(hash(await theirs(path)));
  /** The unit is another one, although its full file keeps name, version and size. */
  const touchUnit = (content: Buffer): Buffer =>
    Buffer.from(content.toString('latin1').replace(/^P\.4=[^\r\n]*/m, '$& ; again'), 'latin1');

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

  it('new signatures alone are taken over when the certificate is another, and cost no file', async () => {
    const renew = (content: Buffer): Buffer =>
      Buffer.from(
        content.toString('latin1').replace(/^CertExpireDate=.*$/m, 'CertExpireDate=Jul 21 07:49:22 2044 GMT'),
        'latin1',
      );
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
