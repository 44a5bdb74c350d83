import { startHaishin } from '../support/haishin.js';
import { until } from '../support/until.js';
import { filesLike, MirrorBench, servedTree, type ServedTree } from './mirror-bench.js';

function lines(tree: ServedTree, pattern: RegExp): string[] {
  return tree.manifest.split('\r\n').filter((line) => pattern.test(line));
}

describe('the japan channel that follows the global one', () => {
  let bench: MirrorBench;
  beforeAll(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => bench.close());

  it('has .80 in P.4 and in where its increments start from; twins, files and signatures are the same', async () => {
    const { global, japan } = await bench.served();
    expect(japan.files).toEqual(global.files);
    expect(lines(global, /^P\.4=/)).toEqual([expect.stringMatching(/^P\.4=pattern\/vsapi241\.zip, 1724100, \d+$/)]);
    expect(lines(japan, /^P\.4=/)).toEqual([expect.stringMatching(/^P\.4=pattern\/vsapi241\.zip, 1724180, \d+$/)]);
    const increments = lines(japan, /^P\.4\.Merge\.\d+=/);
    expect(increments).toHaveLength(14);
    for (const line of increments) expect(line).toMatch(/^P\.4\.Merge\.\d+=pattern\/v_\d{3}\.241, ?\d{5}80, ?\d+$/);
    // Everything else, legacy twins with three digits included, is word for word the same.
    const others = /^(?!P\.4(=|\.Merge\.\d+=))/;
    expect(lines(japan, others)).toEqual(lines(global, others));
    expect(lines(japan, /^(Version=\d{3}$|Merge\.1=)/)).toEqual(['Version=241', 'Merge.1=240']);
  });

  it('says of its release that it was derived, and from which', async () => {
    const pattern = await bench.api.component('virus-pattern');
    const { global, japan } = pattern.channels;
    expect(global).toMatchObject({ version: '17.241.00', variant: '00', origin: 'mirrored', derivedFrom: null });
    expect(japan).toMatchObject({
      version: '17.241.80',
      variant: '80',
      origin: 'derived',
      derivedFrom: global.releaseId,
    });
    expect(pattern.current).toEqual(japan);
    // The variant is identity, not order: nothing newer is offered.
    expect(pattern.updateNeeded).toBe(false);
    const spyware = await bench.api.component('spyware-pattern');
    expect(spyware.channels.japan.releaseId).toBe(spyware.channels.global.releaseId);
    const release = (await bench.api.get(`/api/v1/releases/${japan.releaseId}`)).body;
    expect(release).toMatchObject({ origin: 'derived', variant: '80', rawVersion: '1724180' });
    expect(release.files.filter((file: { role: string }) => file.role === 'increment')).toHaveLength(14);
    expect(release.files.map((file: { fromVersion: string | null }) => file.fromVersion)).toContain('1724080');
  });

  it('is what /TvcsDownload/ActiveUpdate serves until another default channel is set', async () => {
    const { global, japan } = await bench.served();
    const tvcs = `${bench.haishin.http}/TvcsDownload/ActiveUpdate`;
    expect(await servedTree(tvcs)).toEqual(japan);
    await bench.setting('distribution', { defaultChannel: 'global' });
    expect(await servedTree(tvcs)).toEqual(global);
    expect((await bench.api.component('virus-pattern')).current).toMatchObject({
      channel: 'global',
      version: '17.241.00',
    });
    await bench.restart();
    expect(await servedTree(`${bench.haishin.http}/TVCSDownload/activeupdate`)).toEqual(global);
    await bench.setting('distribution', { defaultChannel: 'japan' });
    expect(await servedTree(`${bench.haishin.http}/TvcsDownload/ActiveUpdate`)).toEqual(japan);
  });

  it('and so it is at other nodes, and while there is no database', async () => {
    const { global, japan } = await bench.served();
    const { dataDir, database } = bench.haishin;
    const second = await startHaishin({ dataDir, database, upstreamUrl: bench.upstream.url });
    const tvcs = (haishin = bench.haishin): Promise<ServedTree> =>
      servedTree(`${haishin.http}/TvcsDownload/ActiveUpdate`);
    try {
      expect(await tvcs(second)).toEqual(japan);
      await bench.setting('distribution', { defaultChannel: 'global' });
      expect(await tvcs()).toEqual(global);
      await until('the other node has noticed', async () => (await tvcs(second)).manifest === global.manifest);
    } finally {
      await second.stop();
    }
    await bench.restart({ config: { databaseUrl: 'postgresql://nobody@127.0.0.1:9/absent' } });
    expect(await tvcs()).toEqual(global);
    await bench.restart();
    await bench.setting('distribution', { defaultChannel: 'japan' });
    expect(await tvcs()).toEqual(japan);
  });

  it('names neither the upstream nor a server of its own', async () => {
    const { global, japan } = await bench.served();
    for (const tree of [global, japan]) expect(tree.manifest).not.toMatch(/127\.0\.0\.1|Server\.1=/);
  });
});

describe('frozen snapshots', () => {
  it('stay complete, with the signatures of their own time, after three more publications', async () => {
    const bench = await MirrorBench.open();
    try {
      const frozen: { id: string; global: ServedTree; japan: ServedTree }[] = [];
      for (let publication = 0; publication < 4; publication++) {
        if (publication > 0) bench.tree.publish();
        expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
        const [{ id }] = (await bench.api.get('/api/v1/snapshots')).body.items;
        frozen.push({ id: id as string, ...(await bench.served()) });
      }
      for (const { id, global, japan } of frozen) {
        expect(await servedTree(`${bench.haishin.http}/activeupdate/@${id}`)).toEqual(global);
        expect(await servedTree(`${bench.haishin.http}/activeupdate/japan/@${id}`)).toEqual(japan);
      }
      // One name, another content each time: that is what makes it worth a test.
      const signatures = frozen.map(({ global }) => global.files['pattern/tmgd.zip']?.sig?.sha256);
      expect(new Set(signatures).size).toBe(4);
      const [first, last] = [frozen[0], frozen[3]];
      expect(Object.keys(filesLike(first?.global as ServedTree, /vsapi/))).toEqual(['pattern/vsapi241.zip']);
      expect(Object.keys(filesLike(last?.global as ServedTree, /vsapi/))).toEqual(['pattern/vsapi244.zip']);

      // A path that has left the current snapshot is still answered; one that never was is not.
      const old = await fetch(`${bench.haishin.http}/activeupdate/pattern/vsapi241.zip`);
      expect(old.status).toBe(200);
      expect(old.headers.get('etag')).toBe(`"${first?.global.files['pattern/vsapi241.zip']?.sha256 ?? ''}"`);
      expect((await fetch(`${bench.haishin.http}/activeupdate/@${first?.id ?? ''}/pattern/vsapi244.zip`)).status).toBe(
        404,
      );
      expect((await fetch(`${bench.haishin.http}/activeupdate/@20200101T000000Z-000000/server.ini`)).status).toBe(404);
      // The order of the list is that of publication, and what is in force says so.
      const { items } = (await bench.api.get('/api/v1/snapshots')).body;
      expect((items as { id: string }[]).map(({ id }) => id)).toEqual(frozen.map(({ id }) => id).reverse());
      expect((items as { inForce: string[] }[]).map(({ inForce }) => inForce.sort())).toEqual([
        ['global', 'japan'],
        [],
        [],
        [],
      ]);
    } finally {
      await bench.close();
    }
  });
});
