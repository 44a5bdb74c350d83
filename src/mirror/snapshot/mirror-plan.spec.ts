import { RICH_MANIFEST } from '../../../test/support/synthetic-manifest.js';
import { Manifest } from '../manifest/manifest.js';
import { fileMap, type HeldFile } from './held-file.js';
import { isSelected, leadingUnit, planMirror, sameLines, type HeldTree, type PlanInput } from './mirror-plan.js';

const TEXT = RICH_MANIFEST;
const manifest = (text = TEXT): Manifest => Manifest.parse(Buffer.from(text, 'latin1'));

/** Everything that a manifest names, as if it were published. */
function heldOf(published: Manifest): HeldTree {
  const files = [...published.files().values()].map((file): HeldFile => ({
    path: file.path,
    sha256: 'a'.repeat(64),
    size: file.size ?? 0,
    mtime: '',
    component: null,
  }));
  return { manifest: published, files: fileMap(files) };
}

function plan(change: Partial<PlanInput> = {}): Map<string, { action: string; fault: string | null; units: string[] }> {
  const groups = planMirror({
    upstream: manifest(),
    componentOfUnit: new Map([
      ['P.4', 'virus-pattern'],
      ['P.800', 'cleanup'],
      ['P.2000ABC', 'cleanup'],
    ]),
    selection: { mode: 'all', components: [] },
    mayUpdate: () => true,
    notOwn: new Set(),
    held: null,
    ...change,
  });
  return new Map(
    groups.map(({ key, action, fault, units }) => [
      key,
      { action, fault: fault?.code ?? null, units: units.map(({ id }) => id) },
    ]),
  );
}

describe('planning a mirroring', () => {
  it('fetches everything of a first manifest, each entry for itself and those of a component together', () => {
    const groups = plan();
    expect([...groups.values()].every(({ action }) => action === 'fetch')).toBe(true);
    expect(groups.get('virus-pattern')?.units).toEqual(['P.4']);
    expect(
      groups
        .get('cleanup')
        ?.units.map((id) => id.toUpperCase())
        .sort(),
    ).toEqual(['P.2000ABC', 'P.800']);
    expect(groups.get('P.48020000')).toEqual({ action: 'fetch', fault: null, units: ['P.48020000'] });
  });

  it('leaves alone what the source has dropped, unless the run may touch it', () => {
    const upstream = manifest(TEXT.replace(/^P\.(800|48020000)[.=].*\r?\n/gm, ''));
    const held = heldOf(manifest());
    const dropped = (change: Partial<PlanInput>): (string | undefined)[] => {
      const groups = plan({ upstream, held, componentOfUnit: new Map([['P.800', 'cleanup']]), ...change });
      return ['cleanup', 'P.48020000'].map((key) => groups.get(key)?.action);
    };
    expect(dropped({})).toEqual([undefined, undefined]);
    expect(dropped({ mayUpdate: () => false })).toEqual(['earlier', 'earlier']);
    expect(dropped({ mayUpdate: (componentId) => componentId === null })).toEqual(['earlier', undefined]);
    const selection = { mode: 'catalogue' as const, components: [] };
    expect(dropped({ mayUpdate: () => false, selection })).toEqual(['earlier', undefined]);
  });

  it('leaves what is the same', () => {
    expect([...plan({ held: heldOf(manifest()) }).values()].every(({ action }) => action === 'same')).toBe(true);
  });

  it('fetches only the group whose lines have changed', () => {
    const upstream = manifest(TEXT.replace('1724100, 6481375', '1724200, 6481375'));
    const groups = plan({ upstream, held: heldOf(manifest()) });
    const changed = [...groups].filter(([, { action }]) => action !== 'same').map(([key]) => key);
    expect(changed).toEqual(['virus-pattern']);
  });

  it('fetches a group of which a file is not held', () => {
    const held = heldOf(manifest());
    held.files.delete('pattern/v_239.241');
    expect(plan({ held }).get('virus-pattern')?.action).toBe('fetch');
    // It is the release that is published: restoring it is no update.
    expect(plan({ held, mayUpdate: () => false }).get('virus-pattern')?.action).toBe('fetch');
  });

  it('fetches what is held but not from the sources of the channel, and nothing else', () => {
    const groups = plan({ held: heldOf(manifest()), notOwn: new Set(['pattern/vsapi241.zip']) });
    const fetched = [...groups].filter(([, { action }]) => action === 'fetch').map(([key]) => key);
    expect(fetched).toEqual(['virus-pattern']);
  });

  it('keeps what may not be updated at what is published', () => {
    const groups = plan({ mayUpdate: (component) => component !== 'virus-pattern' });
    expect(groups.get('virus-pattern')).toMatchObject({ action: 'earlier', fault: null });
    expect(groups.get('cleanup')?.action).toBe('fetch');
  });

  it('drops what is not selected, whether it is held or not', () => {
    const catalogue = plan({ selection: { mode: 'catalogue', components: [] }, held: heldOf(manifest()) });
    expect(catalogue.get('P.48020000')?.action).toBe('drop');
    expect(catalogue.get('virus-pattern')?.action).toBe('same');
    const selected = plan({ selection: { mode: 'selected', components: ['cleanup'] } });
    expect([selected.get('virus-pattern')?.action, selected.get('cleanup')?.action]).toEqual(['drop', 'fetch']);
  });

  it('keeps a group with an entry that cannot be trusted at what is published, and says why', () => {
    const upstream = manifest(TEXT.replace('P.4=pattern/vsapi241.zip', 'P.4=../vsapi241.zip'));
    expect(plan({ upstream }).get('virus-pattern')).toMatchObject({ action: 'earlier', fault: 'path-unsafe' });
    expect(plan({ upstream, selection: { mode: 'selected', components: [] } }).get('virus-pattern')).toMatchObject({
      action: 'drop',
      fault: null,
    });
  });

  it('does not take for unchanged what was published before its path was refused', () => {
    const upstream = manifest(TEXT.replaceAll('pattern/vsapi241.zip', 'japan/vsapi241.zip'));
    expect(plan({ upstream, held: heldOf(upstream) }).get('virus-pattern')).toMatchObject({
      action: 'earlier',
      fault: 'path-unsafe',
    });
  });
});

describe('parts of the plan', () => {
  it('the first entry that the manifest has gives a component its version', () => {
    const units = [...manifest().units.values()].filter(({ id }) => ['P.4', 'P.800'].includes(id));
    expect(leadingUnit(['P.1', 'p.800', 'P.4'], units)?.id).toBe('P.800');
    expect(leadingUnit([], units)?.id).toBe('P.4');
    expect(leadingUnit(['P.4'], [])).toBeUndefined();
  });

  it('lines are the same word for word or not at all', () => {
    expect(sameLines(manifest(), manifest(), 'P.4')).toBe(true);
    expect(sameLines(manifest(), manifest(TEXT.replace('Merge.1=239', 'Merge.1=238')), 'P.4')).toBe(false);
    expect(sameLines(manifest(), manifest(), 'P.1')).toBe(false);
  });

  it.each([
    ['all', null, true],
    ['catalogue', null, false],
    ['catalogue', 'x', true],
    ['selected', 'x', true],
    ['selected', 'y', false],
    ['selected', null, false],
  ] as const)('selection %s of %s: %s', (mode, component, expected) => {
    expect(isSelected({ mode, components: ['x'] }, component)).toBe(expected);
  });
});
