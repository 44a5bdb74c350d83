import { parseManifest } from './update-source.js';

it('reads full files of patterns and engines and nothing else', () => {
  const text = [
    '[PATTERN]',
    'Path_VSAPI=pattern/old.zip, 1',
    'P.4=pattern/vsapi241.zip, 1724100, 64813753 ; newest',
    'P.4.Merge.1=pattern/v_239.241, 1723900, 24957',
    'p.4804001a=pattern/tmgd.zip,00001800,9790',
    'P.9=pattern/broken.zip, 12',
    'P.A=pattern/huge.zip, 12, 99999999999999999999',
    '[ENGINE]',
    'E.10=VSAPI32_NT_KD, engine/ntkd12500.zip, 12.5.1004, 1343062, 6.51.1002',
  ].join('\r\n');
  expect([...parseManifest(text)]).toEqual([
    ['P.4', { path: 'pattern/vsapi241.zip', version: '1724100', size: 64813753 }],
    ['P.4804001A', { path: 'pattern/tmgd.zip', version: '00001800', size: 9790 }],
    ['E.10', { path: 'engine/ntkd12500.zip', version: '12.5.1004', size: 1343062 }],
  ]);
});
