import { AppError } from '../platform/errors/app-error.js';
import { SampleTree } from './sample-tree.js';

const scale = 0.001;
const text = (tree: SampleTree, variant?: 'global' | 'japan'): string => tree.manifest(variant).toString('latin1');
const contents = (tree: SampleTree): [string, string][] =>
  [...tree.files()].map(([path, file]) => [path, file.content().toString('base64')]);

describe('sample tree', () => {
  it('writes the manifest in the grammar of the real one', () => {
    const ini = text(new SampleTree({ scale }));
    const sections = [...ini.matchAll(/^\[(.+)\]\r$/gm)].map(([, name]) => name);
    expect(sections).toEqual([
      'Common',
      'Server',
      'PATTERN',
      'ENGINE',
      'EXCLUSION',
      'All_Product',
      'Info_602_10000_1_1',
      'Info_603_20000_1_1',
    ]);
    expect(ini).toMatch(/^Version=241\r$/m);
    expect(ini).toMatch(/^Path_VSAPI=pattern\/vsapi241\.zip, \d+\r$/m);
    expect(ini).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724100, \d+\r$/m);
    expect(ini).toMatch(
      /^P\.4\.Merge\.1=pattern\/v_240\.241, 1724000, \d+\r\nMerge\.1=240\r\nMergePath_VSAPI\.1=pattern\/v_240\.241, \d+\r$/m,
    );
    expect(ini).toMatch(/^P\.800\.MergeCountEx=8\r$/m);
    expect(ini).toMatch(/^P\.48040241=pattern\/tmgd\.zip, ?00001800, ?\d+\r$/m);
    expect(ini).toMatch(
      /^E\.10=VSAPI32_NT_KD, ?engine\/ntkd12500\.zip, ?12\.5\.1004, ?\d+, ?6\.51\.1002\r\nPath_VSAPI32_NT_KD=engine\/ntkd12500\.zip, 12\.5, \d+\r$/m,
    );
    expect(ini.match(/^; ids that begin with F are made up/gm)).toHaveLength(1);
    expect(ini).toMatch(/^Path=\r$/m);
    expect(ini).toMatch(/^P\.[^\r]*=[^,\r]*,[^ ]/m);
    expect(ini).not.toMatch(/[^\r]\n/);
  });

  it('can end its lines as Unix does', () => {
    expect(text(new SampleTree({ scale, eol: 'lf' }))).not.toContain('\r');
  });

  it('names every file with its exact size, and has a signature beside each', () => {
    const tree = new SampleTree({ scale });
    const data = [...tree.files()].filter(([path]) => !path.endsWith('.sig') && path !== 'server.ini');
    expect(data.length).toBeGreaterThan(50);
    for (const [path, file] of data) {
      expect(file.content()).toHaveLength(file.size);
      expect(text(tree)).toMatch(new RegExp(`${path.replaceAll('.', '\\.')},.*\\b${file.size}\\b`));
      expect(tree.find(path.replace(/\.[^./]*$/, '.sig'))?.size).toBeGreaterThan(0);
    }
  });

  it('releases new versions: next number, old full file gone, newest increments only', () => {
    const tree = new SampleTree({ scale });
    expect(tree.publish(['virus-pattern'])).toEqual([{ component: 'virus-pattern', id: 'P.4', version: '1724200' }]);
    const virus = [...tree.files().keys()].filter((path) => /^pattern\/(vsapi|v_).*(?<!sig)$/.test(path));
    expect(virus).toHaveLength(15);
    expect(virus).toContain('pattern/vsapi242.zip');
    expect(virus).toContain('pattern/v_241.242');
    expect(virus).toContain('pattern/v_228.242');
    expect(text(tree)).toMatch(/^Version=242\r$/m);
    expect(tree.versions()).toMatchObject({ 'virus-pattern': '1724200', 'spyware-pattern': '2469' });
  });

  it('overwrites a signature whose name stays, with new content and validator', () => {
    const tree = new SampleTree({ scale });
    const before = tree.find('pattern/v_239.sig')!;
    tree.publish(['virus-pattern']);
    const after = tree.find('pattern/v_239.sig')!;
    expect(after.content()).not.toEqual(before.content());
    expect(after.etag).not.toBe(before.etag);
    expect(after.lastModified.getTime()).toBeGreaterThan(before.lastModified.getTime());
  });

  it('leaves what was not published as it was', () => {
    const tree = new SampleTree({ scale });
    const before = tree.files();
    tree.publish(['P.20000400']);
    const changed = [...tree.files()]
      .filter(([path, file]) => before.get(path)?.etag !== file.etag)
      .map(([path]) => path);
    expect(changed.length).toBeGreaterThan(2);
    expect(changed.every((path) => path.startsWith('pattern/ssaptn') || path === 'server.ini')).toBe(true);
  });

  it('rolls over after number 999 and keeps zeros', () => {
    const tree = new SampleTree({ scale, firstVersions: { 'virus-pattern': 1799900 } });
    tree.publish(['virus-pattern', 'P.48040241']);
    expect(text(tree)).toMatch(/^P\.4=pattern\/vsapi000\.zip, 1800000, /m);
    expect(text(tree)).toMatch(/^P\.4\.Merge\.1=pattern\/v_999\.000, 1799900, /m);
    expect(tree.versions()['unclaimed-leading-zeros']).toBe('00001801');
  });

  it('lets engine versions grow as decimal fractions', () => {
    const tree = new SampleTree({ scale });
    tree.publish(['E.10', 'E.20000']);
    expect(tree.versions()).toMatchObject({
      'unclaimed-engine-nt-kd': '12.51.1005',
      'virus-scan-engine': '12.510.1005',
    });
  });

  it('gives the same bytes for the same seed and releases, others for another seed', () => {
    const [one, two, other] = [1, 1, 2].map((seed) => new SampleTree({ scale, seed }));
    for (const tree of [one!, two!, other!]) tree.publish(['virus-pattern']);
    expect(contents(one!)).toEqual(contents(two!));
    expect(contents(one!)).not.toEqual(contents(other!));
  });

  it('has a Japan tree with its own .80 virus pattern and the same other files', () => {
    const tree = new SampleTree({ scale, japanTree: true });
    expect(text(tree, 'japan')).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724180, /m);
    expect(text(tree, 'japan')).toMatch(/^P\.4\.Merge\.1=pattern\/v_240\.241, 1724080, /m);
    const content = (path: string): Buffer => tree.find(path)!.content();
    expect(content('japan/pattern/vsapi241.zip')).not.toEqual(content('pattern/vsapi241.zip'));
    expect(content('japan/engine/atse/atse12500.zip')).toEqual(content('engine/atse/atse12500.zip'));
  });

  it('leaves out what is switched off', () => {
    const tree = new SampleTree({ scale, signatures: false, productPackages: false });
    expect([...tree.files().keys()].filter((path) => /\.sig$|^product/.test(path))).toEqual([]);
    expect(text(tree)).toMatch(/^Update_Path=\r$/m);
    expect(() => tree.manifest('japan')).toThrow(AppError);
  });

  it('refuses to publish what it does not have', () => {
    expect(() => new SampleTree({ scale }).publish(['url-filtering-engine'])).toThrow(
      expect.objectContaining({ code: 'sample-component-unknown' }) as Error,
    );
  });

  it('can publish as untidily as the vendor does', () => {
    const tree = new SampleTree({ scale });
    const oldManifest = tree.manifest();
    const oldSignature = tree.find('pattern/v_239.sig')!.content();
    const steps = tree.publishSlowly(['virus-pattern']);

    expect(steps.next().value).toBe('new-files-old-manifest');
    expect(tree.manifest()).toEqual(oldManifest);
    expect(tree.find('pattern/vsapi242.zip')).toBeDefined();
    expect(tree.find('pattern/vsapi241.zip')).toBeDefined();
    expect(tree.find('pattern/v_239.sig')!.content()).toEqual(oldSignature);

    expect(steps.next().value).toBe('new-manifest-without-signatures');
    expect(text(tree)).toContain('vsapi242.zip');
    expect(tree.find('pattern/vsapi242.sig')).toBeUndefined();
    expect(tree.find('pattern/v_239.sig')).toBeUndefined();
    expect(tree.find('pattern/ssaptn2469.sig')).toBeDefined();

    expect(steps.next().value).toBe('complete');
    expect(tree.find('pattern/vsapi242.sig')).toBeDefined();
    expect(tree.find('pattern/vsapi241.zip')).toBeUndefined();
    expect(steps.next().done).toBe(true);
  });

  it('has realistic sizes at scale 1, without making the content', () => {
    const tree = new SampleTree();
    const virus = tree.find('pattern/vsapi241.zip')!.size;
    expect(virus).toBeGreaterThan(48e6);
    expect(virus).toBeLessThan(68e6);
    const total = [...tree.files().values()].reduce((sum, { size }) => sum + size, 0);
    expect(total).toBeGreaterThan(130e6);
    expect(total).toBeLessThan(190e6);
  });
});
