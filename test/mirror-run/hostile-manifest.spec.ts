import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  hostilePaths,
  withAbsurdCounts,
  withBom,
  withCrlf,
  withDuplicateKey,
  withLf,
  withValue,
  withVirusPatternPath,
  type ManifestTransform,
} from '../support/manifest-faults.js';
import { compareManifests, fetchAsProduct } from '../support/reference-client.js';
import { filesLike, MirrorBench, outcomeOf } from './mirror-bench.js';

const MANIFEST = /\/server\.ini$/;

describe('a manifest in another dress', () => {
  const dresses: [string, ManifestTransform][] = [
    ['a byte order mark', withBom],
    ['bare line feeds', withLf],
    ['carriage returns and line feeds', withCrlf],
    ['a [Server] section that leads elsewhere', withValue('Server.1', 'http://elsewhere.invalid/activeupdate')],
    [
      'mixed letter case in its keys',
      (ini) => Buffer.from(ini.toString('latin1').replace(/^P\.4=/m, 'p.4='), 'latin1'),
    ],
  ];

  it.each(dresses)('%s: mirrored whole, line by line', async (_, transform) => {
    const bench = await MirrorBench.open();
    try {
      bench.upstream.set(MANIFEST, { kind: 'transform', transform });
      expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
      const { global } = await bench.served();
      const theirs = await fetchAsProduct(bench.upstream.url);
      expect(compareManifests(theirs.manifest, Buffer.from(global.manifest, 'latin1'))).toEqual([]);
      expect(Object.keys(global.files).sort()).toEqual([...theirs.files.keys()].sort());
      expect(global.manifest).not.toContain('elsewhere.invalid');
      expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'version' } });
    } finally {
      await bench.close();
    }
  });
});

it('a line that stands twice with the same words is passed on as it is', async () => {
  const bench = await MirrorBench.open();
  try {
    bench.upstream.set(MANIFEST, { kind: 'transform', transform: withDuplicateKey('P.800') });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const theirs = await fetchAsProduct(bench.upstream.url);
    const ours = await fetchAsProduct(`${bench.haishin.http}/activeupdate`);
    expect(ours.problems).toEqual(theirs.problems);
    expect([...ours.files].sort()).toEqual([...theirs.files].sort());
    expect(compareManifests(theirs.manifest, ours.manifest)).toEqual([]);
  } finally {
    await bench.close();
  }
});

describe('an entry that cannot be trusted', () => {
  let bench: MirrorBench;
  beforeAll(async () => {
    bench = await MirrorBench.open();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => bench.close());
  afterEach(() => bench.upstream.clear());

  const hostile: [string, ManifestTransform, string][] = [
    ...Object.entries(hostilePaths).map(([name, path]): [string, ManifestTransform, string] => [
      `a path with ${name}`,
      withVirusPatternPath(path),
      name === 'NUL byte' ? 'entry-malformed' : 'path-unsafe',
    ]),
    ['a path that is the manifest', withVirusPatternPath('server.ini'), 'path-unsafe'],
    ['two lines that disagree', withDuplicateKey('P.4', 'pattern/other.zip, 1, 1'), 'duplicate-conflict'],
    ['a size beyond belief', withValue('P.4', 'pattern/vsapi999.zip, 1799900, 99999999999999'), 'size-absurd'],
    ['no version', withValue('P.4', 'pattern/vsapi999.zip'), 'entry-malformed'],
  ];

  it.each(hostile)('%s: keeps its earlier release, the rest is published', async (_, transform, code) => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    bench.upstream.set(MANIFEST, { kind: 'transform', transform });

    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'failed', error: { code } });
    expect(outcomeOf(download, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'unknown', reason: code } });
    const after = await bench.served();
    expect(filesLike(after.global, /vsapi|\/v_/)).toEqual(filesLike(before.global, /vsapi|\/v_/));
    expect(
      after.global.manifest.split('\r\n').filter((line) => /^(P\.4[.=]|Path_VSAPI|Merge|Version=\d{3})/.test(line)),
    ).toEqual(
      before.global.manifest.split('\r\n').filter((line) => /^(P\.4[.=]|Path_VSAPI|Merge|Version=\d{3})/.test(line)),
    );
    // Nothing was asked for outside the tree, and nothing stands outside the mirror's own folders.
    expect(bench.upstream.requested(/passwd|outside|win\.ini|elsewhere/)).toEqual([]);
    expect((await readdir(bench.haishin.dataDir)).filter((name) => /passwd|outside/.test(name))).toEqual([]);

    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('absurd counts hold back every entry that has one, and no other', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern', 'virus-scan-engine']);
    bench.upstream.set(MANIFEST, { kind: 'transform', transform: withAbsurdCounts });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ error: { code: 'count-absurd' } });
    expect(outcomeOf(download, 'virus-scan-engine')).toMatchObject({ outcome: 'updated' });
    const after = await bench.served();
    expect(filesLike(after.global, /vsapi|\/v_/)).toEqual(filesLike(before.global, /vsapi|\/v_/));
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('entries that share a file hold each other back when their sizes disagree', async () => {
    bench.tree.publish(['virus-pattern']);
    const shared: ManifestTransform = (ini) =>
      Buffer.from(
        ini.toString('latin1').replace(/^(P\.800=)[^,]*, *(\d+), *\d+/m, '$1pattern/tmgd.zip, $2, 77'),
        'latin1',
      );
    bench.upstream.set(MANIFEST, { kind: 'transform', transform: shared });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'P.800')).toMatchObject({ error: { code: 'size-conflict' } });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    await bench.served();
  });

  it('a first mirror leaves out what cannot be trusted and serves the rest', async () => {
    const fresh = await MirrorBench.open();
    try {
      fresh.upstream.set(MANIFEST, { kind: 'transform', transform: withVirusPatternPath('../../etc/passwd') });
      const download = await fresh.api.download();
      expect(download).toMatchObject({ state: 'partial' });
      const { global, japan } = await fresh.served();
      expect(global.manifest).not.toMatch(/passwd|^P\.4[.=]/m);
      expect(Object.keys(filesLike(global, /vsapi|\/v_/))).toEqual([]);
      expect(Object.keys(japan.files)).toEqual(Object.keys(global.files));
      expect(await fresh.api.component('virus-pattern')).toMatchObject({ current: null });
      expect(await readdir(join(fresh.haishin.dataDir, 'published', 'global'))).toContain('current');
    } finally {
      await fresh.close();
    }
  });
});
