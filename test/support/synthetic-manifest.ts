import fc from 'fast-check';

/**
 * A manifest in the real grammar with made-up values: every kind of unit and of twin, counts in step with their lines,
 * spacing and case as inconsistent as in real ones.
 */
export const RICH_MANIFEST = [
  '; made-up data in the grammar of a real manifest',
  '[Common]',
  'Version=1.0',
  'ActiveUpdate=2.86.0.4002',
  'CertExpireDate=Jul 21 07:49:22 2024 GMT',
  '',
  '[Server]',
  '; entries of this section: https://update.example.test/activeupdate',
  '; kept',
  'AvailableServer=1',
  'Server.1=https://update.example.test/activeupdate',
  'Https=https://update.example.test/activeupdate',
  '',
  '[PATTERN]',
  'Version=241',
  'Path_VSAPI=pattern/vsapi241.zip, 6481375',
  'P.4=pattern/vsapi241.zip, 1724100, 6481375',
  '; a comment in the middle',
  'P.48020000=pattern/icrc/ioth1724100.zip, 1724100, 2204177',
  'P.48040053=pattern/gpl.zip,17002,6656',
  'P.48040241=pattern/tmgd.zip,00001800,9790',
  'P.4.MergeCount=2',
  'P.4.Merge.1=pattern/v_239.241, 1723900, 24957',
  'Merge.1=239',
  'MergePath_VSAPI.1=pattern/v_239.241, 24957',
  'P.4.Merge.2=pattern/v_240.241, 1724000, 12345',
  'Merge.2=240',
  'MergePath_VSAPI.2=pattern/v_240.241, 12345',
  'MergeCount=2',
  'P.800=pattern/tsc1630.zip, 1630, 170000',
  'Path_TSC=Pattern/TSC1630.zip, 170000',
  'P.800.MergeCountEx=1',
  'P.800.Merge.1=pattern/tsc_1628.1630, 1628, 16955',
  'P.48020000.MergeCount=1',
  'P.48020000.Merge.1=pattern/icrc/ioth_1723900.1724100, 1723900, 4096',
  'P.2000abc.MergeCountIU=1',
  'P.2000abc.IU.1=pattern/abc_1.2, 1, 100',
  'P.2000ABC=pattern/abc2.zip, 2, 5000',
  '',
  '[ENGINE]',
  'E.10=VSAPI32_NT_KD, engine/ntkd12500.zip, 12.5.1004, 1343062, 6.51.1002',
  'Path_VSAPI32_NT_KD=engine/ntkd12500.zip, 12.5, 1343062',
  'E.20000=VSAPI_LINUX,engine/linux/lx12500.zip,12.500.1004,1400000,6.510.1002',
  '',
  '[EXCLUSION]',
  'VSAPI=2.01,2.02',
  '',
  '[All_Product]',
  'MaxProductID=526',
  'Product.602=Client/Server Tool, 1.0, 7.0',
  'Product.603=Client/Server Tool, 1, 7',
  '',
  '[Info_602_10000_1_1]',
  'Version=6.0',
  'Build=3011',
  'Path=product/enu/Tool.zip,217053',
  'Update_Path=product/enu/ToolPatch.zip,20960',
  'Min=1.0',
  '',
  '[Info_603_10000_1_1]',
  'Version=6.0',
  'Path=',
  '',
  '[Later_Section]',
  'Thing=other/thing.bin, 77',
  '',
].join('\r\n');

export function manifestBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const size = fc.integer({ min: 1, max: 70_000_000 });
const gap = fc.constantFrom(',', ', ', ' , ');
const eol = fc.constantFrom('\n', '\r\n', '\r');

/** Lines of one pattern unit with increments and, for P.4, the legacy twins between them. */
const patternUnit = (id: string): fc.Arbitrary<string[]> =>
  fc
    .tuple(fc.integer({ min: 1000, max: 9_999_999 }), size, gap, fc.array(size, { maxLength: 4 }), fc.boolean())
    .map(([version, full, comma, increments, legacy]) => {
      const path = `pattern/x${id}_${version}.zip`;
      const twins = id === '4' && legacy;
      const lines = [`P.${id}=${[path, version, full].join(comma)}`];
      if (twins) lines.unshift('Version=241', `Path_VSAPI=${path}${comma}${full}`);
      increments.forEach((bytes, index) => {
        const increment = `pattern/x${id}_${index}.${version}`;
        lines.push(`P.${id}.Merge.${index + 1}=${[increment, version - index - 1, bytes].join(comma)}`);
        if (twins)
          lines.push(`Merge.${index + 1}=2${index}`, `MergePath_VSAPI.${index + 1}=${increment}${comma}${bytes}`);
      });
      lines.push(`P.${id}.MergeCount=${increments.length}`);
      if (twins) lines.push(`MergeCount=${increments.length}`);
      return lines;
    });

const engineUnit = (id: string): fc.Arbitrary<string[]> =>
  fc.tuple(size, gap, fc.boolean()).map(([bytes, comma, legacy]) => {
    const lines = [`E.${id}=${[`NAME_${id}`, `engine/e${id}.zip`, '12.5.1004', bytes, '6.51.1002'].join(comma)}`];
    if (legacy) lines.push(`Path_NAME_${id}=${[`engine/e${id}.zip`, '12.5', bytes].join(comma)}`);
    return lines;
  });

const productUnit = (id: string): fc.Arbitrary<string[]> =>
  size.map((bytes) => [`[Info_${id}_10000_1_1]`, 'Version=6.0', 'Build=3011', `Path=product/p${id}.zip,${bytes}`, '']);

const noise = fc.constantFrom('; a note', '', 'Unknown=1', 'no pair at all', '\t; indented');

/** Sound manifests of all shapes; no unit has a fault. */
export const anyManifest: fc.Arbitrary<string> = fc
  .record({
    mark: fc.constantFrom('', '\u00ef\u00bb\u00bf'),
    patterns: fc.tuple(...['4', '800', '48020000', 'abc'].map((id) => fc.option(patternUnit(id), { nil: [] }))),
    engines: fc.tuple(...['10', '20000'].map((id) => fc.option(engineUnit(id), { nil: [] }))),
    products: fc.tuple(...['602', '603'].map((id) => fc.option(productUnit(id), { nil: [] }))),
    noise: fc.array(noise, { maxLength: 3 }),
    server: fc.boolean(),
    mixed: fc.boolean(),
    ends: fc.array(eol, { minLength: 1, maxLength: 7 }),
    lastEnd: fc.boolean(),
    shuffle: fc.integer({ min: 0, max: 1000 }),
  })
  .map((parts) => {
    const patterns = parts.patterns.flat();
    const lines = [
      `${parts.mark}[Common]`,
      'Version=1.0',
      ...parts.noise,
      ...(parts.server ? ['[Server]', 'AvailableServer=1', 'Server.1=http://update.example.test/au', ''] : []),
      '[PATTERN]',
      ...(parts.shuffle % 2 === 0 ? patterns : [...patterns].reverse()),
      ...parts.noise,
      '',
      '[ENGINE]',
      ...parts.engines.flat(),
      '',
      ...parts.products.flat(),
    ];
    return lines
      .map((line, index) => {
        const last = index === lines.length - 1;
        return line + (last && !parts.lastEnd ? '' : (parts.ends[parts.mixed ? index % parts.ends.length : 0] ?? '\n'));
      })
      .join('');
  });
