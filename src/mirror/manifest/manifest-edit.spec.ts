import fc from 'fast-check';
import { compose, parse } from '../../../test/support/parsed-manifest.js';
import { anyManifest, manifestBytes, RICH_MANIFEST } from '../../../test/support/synthetic-manifest.js';
import { IniDocument } from './ini-document.js';
import { applyVariant, changedUnits, extractUnit } from './manifest-edit.js';
import type { UnitLines } from './manifest-edit.js';
import { Manifest } from './manifest.js';

const rich = Manifest.parse(manifestBytes(RICH_MANIFEST));

function extract(manifest: Manifest, id: string): UnitLines {
  const unit = extractUnit(manifest, id);
  if (!unit) throw new Error(`no unit ${id}`);
  return unit;
}

/** Every `…MergeCount…` against the number of lines that it counts. */
function countsInStep(text: string): [string, number, number][] {
  const pairs = IniDocument.parse(manifestBytes(text)).lines.filter(({ kind }) => kind === 'pair');
  return pairs.flatMap(({ key = '', value = '' }) => {
    const found = /^(.*?)MergeCount([A-Za-z]*)$/i.exec(key);
    if (!found) return [];
    const counted = (found[2] ?? '') === 'IU' ? 'IU' : 'Merge';
    const prefix = `${found[1]}${counted}.`.toLowerCase();
    const lines = pairs.filter((pair) => pair.key?.toLowerCase().startsWith(prefix));
    return [[key, Number(value), lines.length]];
  });
}

describe('extractUnit', () => {
  it('gives lines as plain JSON with their sections', () => {
    expect(extract(rich, 'E.10')).toEqual({
      unitId: 'E.10',
      lines: [
        { section: 'ENGINE', text: 'E.10=VSAPI32_NT_KD, engine/ntkd12500.zip, 12.5.1004, 1343062, 6.51.1002' },
        { section: 'ENGINE', text: 'Path_VSAPI32_NT_KD=engine/ntkd12500.zip, 12.5, 1343062' },
      ],
    });
    expect(extract(rich, 'Info_602_10000_1_1').lines.map(({ text }) => text)).toEqual([
      '[Info_602_10000_1_1]',
      'Version=6.0',
      'Build=3011',
      'Path=product/enu/Tool.zip,217053',
      'Update_Path=product/enu/ToolPatch.zip,20960',
      'Min=1.0',
    ]);
  });

  it('gives null for a unit that is not there', () => {
    expect(extractUnit(rich, 'P.999')).toBeNull();
  });
});

describe('composeManifest, a unit dropped', () => {
  it.each([...rich.units.keys()])('%s leaves nothing behind and takes nothing else', (id) => {
    const text = compose(rich, { [id]: 'drop' });
    const after = parse(text);
    expect([...after.units.keys()]).toEqual([...rich.units.keys()].filter((other) => other !== id));
    for (const file of rich.files([id]).keys()) expect(text.toLowerCase()).not.toContain(file);
    for (const [key, said, found] of countsInStep(text)) expect([key, said]).toEqual([key, found]);
    expect(changedUnits(rich, after)).toEqual([id]);
  });

  it('removes a product with its blank lines', () => {
    expect(
      compose(parse('[ENGINE]\n\n[Info_1]\nPath=a/b.zip,1\n\n[Info_2]\nPath=a/c.zip,1\n'), { Info_1: 'drop' }),
    ).toBe('[ENGINE]\n\n[Info_2]\nPath=a/c.zip,1\n');
  });

  it('does nothing for a unit that is not there', () => {
    expect(compose(rich, { 'P.999': 'drop' })).toBe(compose(rich));
  });

  it('keeps every count in step, whatever is dropped', () => {
    fc.assert(
      fc.property(anyManifest, fc.func(fc.boolean()), (text, dropped) => {
        const manifest = parse(text);
        const ids = [...manifest.units.keys()].filter((id) => dropped(id));
        const after = compose(manifest, Object.fromEntries(ids.map((id) => [id, 'drop'])));
        expect([...parse(after).units.keys()]).toEqual([...manifest.units.keys()].filter((id) => !ids.includes(id)));
        for (const [key, said, found] of countsInStep(after)) expect([key, said]).toEqual([key, found]);
      }),
    );
  });
});

describe('composeManifest, earlier lines put back', () => {
  const NEW = [
    '[PATTERN]',
    '; note',
    'P.4=p/new.zip, 1724300, 9',
    'P.8=p/8.zip,1,1',
    'P.4.Merge.1=p/v_241.243, 1724100, 3',
    'Merge.1=241',
    '',
    '[ENGINE]',
    'E.1=N,e/a.zip,1.0.1,1',
  ].join('\r\n');
  const OLD = '[PATTERN]\nP.4=p/old.zip,1724100,7\nPath_VSAPI=p/old.zip,7\n[Info_1]\nPath=q/i.zip,1\n';
  const old = parse(OLD);

  it('stand where the first line stood, with the line ends of the file', () => {
    expect(compose(parse(NEW), { 'P.4': extract(old, 'P.4') })).toBe(
      [
        '[PATTERN]',
        '; note',
        'P.4=p/old.zip,1724100,7',
        'Path_VSAPI=p/old.zip,7',
        'P.8=p/8.zip,1,1',
        '',
        '[ENGINE]',
        'E.1=N,e/a.zip,1.0.1,1',
      ].join('\r\n'),
    );
  });

  it('change nothing when they are the same', () => {
    fc.assert(
      fc.property(anyManifest, (text) => {
        const manifest = parse(text);
        const same = Object.fromEntries([...manifest.units.keys()].map((id) => [id, extract(manifest, id)]));
        expect(compose(manifest, same)).toBe(compose(manifest));
      }),
    );
  });

  it('go to the end of their section when upstream no longer lists the unit', () => {
    expect(compose(parse('[PATTERN]\nP.8=p/8.zip,1,1\n\n[ENGINE]\n'), { 'P.4': extract(old, 'P.4') })).toBe(
      '[PATTERN]\nP.8=p/8.zip,1,1\nP.4=p/old.zip,1724100,7\nPath_VSAPI=p/old.zip,7\n\n[ENGINE]\n',
    );
  });

  it('bring their section with them when it is gone', () => {
    expect(compose(parse('[ENGINE]\nE.1=N,e/a.zip,1.0.1,1'), { 'P.4': extract(old, 'P.4') })).toBe(
      '[ENGINE]\nE.1=N,e/a.zip,1.0.1,1\n\n[PATTERN]\nP.4=p/old.zip,1724100,7\nPath_VSAPI=p/old.zip,7\n',
    );
  });

  it('of a product go to the end of the file as a section', () => {
    const text = compose(parse('[ENGINE]\nE.1=N,e/a.zip,1.0.1,1\n'), { Info_1: extract(old, 'Info_1') });
    expect(text).toBe('[ENGINE]\nE.1=N,e/a.zip,1.0.1,1\n\n[Info_1]\nPath=q/i.zip,1\n');
    expect(parse(text).files().size).toBe(2);
  });

  it('take the place of a section that upstream emptied', () => {
    const text = compose(parse('[ENGINE]\n[INFO_1]\nPath=\n\n[Info_2]\nPath=q/2.zip,1\n'), {
      Info_1: extract(old, 'Info_1'),
    });
    expect(text).toBe('[ENGINE]\n[Info_2]\nPath=q/2.zip,1\n\n[Info_1]\nPath=q/i.zip,1\n');
  });

  it('of a product keep the blank lines between sections', () => {
    const text = compose(parse('[ENGINE]\n[Info_1]\nPath=q/new.zip,2\nMin=1\n\n[Info_2]\nPath=q/2.zip,1\n'), {
      Info_1: extract(old, 'Info_1'),
    });
    expect(text).toBe('[ENGINE]\n[Info_1]\nPath=q/i.zip,1\n\n[Info_2]\nPath=q/2.zip,1\n');
  });

  it('take the legacy keys of nobody, and leave those of another unit that stays', () => {
    const legacy = parse('[PATTERN]\nVersion=1\nMerge.1=9\nMergeCount=1\nP.4=p/o.zip,1,1\nP.4.MergeCount=0\n');
    expect(compose(parse('[PATTERN]\nVersion=2\nMergeCount=0\n'), { 'P.4': extract(legacy, 'P.4') })).toBe(
      '[PATTERN]\nVersion=1\nMerge.1=9\nMergeCount=1\nP.4=p/o.zip,1,1\nP.4.MergeCount=0\n',
    );
    const other = '[PATTERN]\nP.8=p/8.zip,2,1\nPath_O=p/8.zip,1\nVersion=2\n';
    expect(compose(parse(other), { 'P.4': extract(legacy, 'P.4') })).toBe(
      `${other}P.4=p/o.zip,1,1\nP.4.MergeCount=0\n`,
    );
  });

  it('bring a unit of any manifest into any other, exactly, beside all others', () => {
    fc.assert(
      fc.property(anyManifest, anyManifest, fc.nat(), (from, into, pick) => {
        const earlier = parse(from);
        const id = [...earlier.units.keys()][pick % Math.max(1, earlier.units.size)];
        fc.pre(id !== undefined);
        const upstream = parse(into);
        const text = compose(upstream, { [id]: extract(earlier, id) });
        const after = parse(text);
        expect(extract(after, id).lines.map((line) => line.text)).toEqual(
          extract(earlier, id).lines.map((line) => line.text),
        );
        for (const other of upstream.units.keys()) {
          if (other !== id) expect(extractUnit(after, other)).toEqual(extractUnit(upstream, other));
        }
        for (const [key, said, found] of countsInStep(text)) expect([key, said]).toEqual([key, found]);
      }),
    );
  });

  it('survive JSON', () => {
    const unit = JSON.parse(JSON.stringify(extract(rich, 'P.4'))) as UnitLines;
    expect(compose(rich, { 'P.4': unit })).toBe(compose(rich));
  });

  it('may be as many as a manifest can have', () => {
    const lines = Array.from({ length: 150_000 }, (_, index) => ({ section: 'PATTERN', text: `P.4.X${index}=1` }));
    const unit = { unitId: 'P.4', lines };
    expect(parse(compose(parse('[PATTERN]\n[ENGINE]\n'), { 'P.4': unit })).units.get('P.4')?.lines).toHaveLength(
      150_000,
    );
    expect(parse(compose(parse('[PATTERN]\nP.4=p/a.zip,1,1\n'), { 'P.4': unit })).units.get('P.4')?.lines).toHaveLength(
      150_000,
    );
  });
});

describe('changedUnits', () => {
  it('names units that are new, gone or have other lines', () => {
    const a = parse('[PATTERN]\nP.1=p/1.zip,1,1\nP.2=p/2.zip,1,1\nP.3=p/3.zip,1,1\n');
    const b = parse('; other text\r\n[PATTERN]\r\n\r\nP.4=p/4.zip,1,1\r\nP.3=p/3.zip,2,1\r\nP.1=p/1.zip,1,1');
    expect(changedUnits(a, b)).toEqual(['P.2', 'P.3', 'P.4']);
    expect(changedUnits(a, a)).toEqual([]);
  });

  it('sees a change of a twin', () => {
    const a = parse('[PATTERN]\nP.4=p/1.zip,1,1\nMerge.1=1\n');
    const b = parse('[PATTERN]\nP.4=p/1.zip,1,1\nMerge.1=2\n');
    expect(changedUnits(a, b)).toEqual(['P.4']);
  });
});

describe('applyVariant', () => {
  it('changes the version and the FROM-versions of the unit and nothing else', () => {
    const after = applyVariant(Manifest.parse(manifestBytes(RICH_MANIFEST)), ['P.4'], '80').toString('latin1');
    expect(after).toBe(
      RICH_MANIFEST.replace('P.4=pattern/vsapi241.zip, 1724100, 6481375', 'P.4=pattern/vsapi241.zip, 1724180, 6481375')
        .replace('P.4.Merge.1=pattern/v_239.241, 1723900,', 'P.4.Merge.1=pattern/v_239.241, 1723980,')
        .replace('P.4.Merge.2=pattern/v_240.241, 1724000,', 'P.4.Merge.2=pattern/v_240.241, 1724080,'),
    );
  });

  it.each([
    ['P.4=p/a.zip,0001724100 , 5', 'P.4=p/a.zip,0001724180 , 5'],
    ['P.4=p/a.zip,1724100', 'P.4=p/a.zip,1724180'],
    ['P.4=p/a.zip,1724102,5', 'P.4=p/a.zip,1724102,5'],
    ['P.4=p/a.zip,200,500', 'P.4=p/a.zip,200,500'],
    ['P.4=p/a.zip,x1724100,500', 'P.4=p/a.zip,x1724100,500'],
    ['P.4.Merge.1=p/a_1.2,1000000', 'P.4.Merge.1=p/a_1.2,1000000'], // a size, no version
    ['P.4.MergeEx.1=p/a_1.2,1000000,1000000', 'P.4.MergeEx.1=p/a_1.2,1000080,1000000'],
    ['P.4.IU.1=p/a_1.2,1000000,1000000', 'P.4.IU.1=p/a_1.2,1000080,1000000'],
    ['P.4.Other=p/a_1.2,1000000,1000000', 'P.4.Other=p/a_1.2,1000000,1000000'],
    ['Merge.1=1000000', 'Merge.1=1000000'],
    ['P.8=p/a.zip,1724100,5', 'P.8=p/a.zip,1724100,5'],
  ])('makes of %j: %j', (before, after) => {
    expect(applyVariant(Manifest.parse(manifestBytes(`[PATTERN]\n${before}`)), ['P.4'], '80').toString('latin1')).toBe(
      `[PATTERN]\n${after}`,
    );
  });

  it('is undone by the other variant, and changes no file', () => {
    fc.assert(
      fc.property(anyManifest, (text) => {
        const bytes = manifestBytes(text);
        const japan = applyVariant(Manifest.parse(bytes), ['P.4'], '80');
        expect([...Manifest.parse(japan).files()].map(([key, { size }]) => [key, size])).toEqual(
          [...Manifest.parse(bytes).files()].map(([key, { size }]) => [key, size]),
        );
        const ends = (which: Buffer) => applyVariant(Manifest.parse(which), ['P.4'], '00').toString('latin1');
        expect(ends(japan)).toBe(ends(bytes));
      }),
    );
  });
});
