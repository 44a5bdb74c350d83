import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import {
  hostilePaths,
  withAbsurdCounts,
  withBom,
  withCrlf,
  withDuplicateKey,
  withLf,
  withoutKey,
  withValue,
  withVirusPatternPath,
} from './support/manifest-faults.js';
import { checkConsistency, compareManifests } from './support/reference-client.js';

describe('manifest faults and the consistency check', () => {
  const tree = new SampleTree({ scale: 0.001 });
  const ini = tree.manifest();
  const held = tree.files();

  it('finds nothing wrong with a good manifest, whatever its line ends and BOM', () => {
    for (const good of [ini, withLf(ini), withCrlf(withLf(ini)), withBom(ini)])
      expect(checkConsistency(good, held)).toEqual([]);
    expect(withCrlf(withLf(ini))).toEqual(ini);
  });

  it.each<[string, Buffer, RegExp]>([
    ['an absurd count', withAbsurdCounts(ini), /4294967295, but there are 14 lines/],
    ['a repeated key', withDuplicateKey('P.4')(ini), /P\.4: appears twice/],
    ['a count left behind', withoutKey('P.48020000.Merge.3')(ini), /14, but there are 13 lines/],
    ['a gap', withoutKey('P.48020000.Merge.3')(ini), /numbering has gaps/],
    ['lines without a count', withoutKey('P.800.MergeCountEx')(ini), /P\.800\.Merge\.1: nothing counts it/],
    ['a stale legacy number', withValue('Merge.1', '7')(ini), /^Merge\.1: 7, but its original says 240/],
    ['a twin left behind', withoutKey('MergePath_VSAPI.2')(ini), /MergePath_VSAPI\.2: undefined/],
    ['an orphaned twin', withoutKey('P.4.Merge.2')(ini), /MergePath_VSAPI\.2: .*undefined/],
    [
      'an engine twin of another version',
      withValue('Path_VSAPI32_NT', 'engine/ntsc12500.zip, 12.4, 1')(ini),
      /no engine line/,
    ],
    ['a file that is not served', withVirusPatternPath('pattern/none.zip')(ini), /pattern\/none\.zip is not served/],
    ['a wrong size', withValue('P.48040241', 'pattern/tmgd.zip,00001800,1')(ini), /tmgd\.zip has \d+ bytes, not 1/],
  ])('finds %s', (_, bad, complaint) => {
    expect(checkConsistency(bad, held).join('\n')).toMatch(new RegExp(complaint.source, 'm'));
  });

  it.each(Object.entries(hostilePaths))('can name a hostile path: %s', (_, path) => {
    const bad = withVirusPatternPath(path)(ini).toString('latin1');
    expect(bad).toContain(`P.4=${path}, 1724100`);
    expect(bad).toContain(`Path_VSAPI=${path}, `);
  });

  it('compares manifests line by line outside [Server]', () => {
    expect(compareManifests(ini, withValue('Server.1', 'http://mirror.invalid/activeupdate')(ini))).toEqual([]);
    expect(compareManifests(ini, withoutKey('Server.2')(ini))).toEqual([]);
    const changed = withValue('Build', '1')(withoutKey('P.4.Merge.7')(withValue('MaxProductID', '9')(ini)));
    expect(compareManifests(ini, changed)).toEqual([
      { upstream: expect.stringContaining('P.4.Merge.7=') },
      { upstream: 'MaxProductID=603\r', mirror: 'MaxProductID=9\r' },
      { upstream: 'Build=3011\r', mirror: 'Build=1\r' },
    ]);
    expect(compareManifests(ini, withLf(ini)).length).toBeGreaterThan(100);
  });
});
