import { CATALOGUE, guessVersionFromFileName, SAMPLE_MAPPING, withMapping } from './catalogue.js';
import type { CatalogueEntry } from './catalogue.js';

function component(id: string): CatalogueEntry {
  const entry = CATALOGUE.find((candidate) => candidate.id === id);
  if (!entry) throw new Error(`no component ${id}`);
  return entry;
}

describe('the catalogue', () => {
  it('has the ten components with names in both languages, and no unit twice', () => {
    expect(CATALOGUE).toHaveLength(10);
    expect(new Set(CATALOGUE.map(({ id }) => id)).size).toBe(10);
    for (const { names } of CATALOGUE) expect([names.ja, names.en]).not.toContain('');
    const units = CATALOGUE.flatMap(({ entries }) => entries);
    expect(new Set(units).size).toBe(units.length);
  });

  it('survives JSON, as it is stored and edited', () => {
    expect(JSON.parse(JSON.stringify(CATALOGUE))).toEqual(CATALOGUE);
  });

  it('lets engines restart both services and patterns the scan service only', () => {
    for (const { kind, restarts } of CATALOGUE) {
      expect(restarts).toEqual(kind === 'engine' ? ['scan-service', 'policy-service'] : ['scan-service']);
    }
  });

  it('has a Japan variant of the virus pattern only', () => {
    expect(CATALOGUE.filter(({ variants }) => variants.length > 0).map(({ id }) => id)).toEqual(['virus-pattern']);
  });

  it('knows what needs the anti-spam licence and what Control Manager does not carry', () => {
    expect(CATALOGUE.filter(({ licence }) => licence === 'anti-spam').map(({ id }) => id)).toEqual([
      'antispam-engine',
      'antispam-pattern',
      'url-filtering-engine',
    ]);
    expect(CATALOGUE.filter((entry) => !entry.carriedByControlManager).map(({ id }) => id)).toEqual([
      'url-filtering-engine',
    ]);
  });

  it('gives every entry to one component only', () => {
    const entries = withMapping(CATALOGUE, SAMPLE_MAPPING).flatMap((each) =>
      each.entries.map((id) => id.toUpperCase()),
    );
    expect(new Set(entries).size).toBe(entries.length);
  });

  it('puts mapped units before its own and changes nothing else', () => {
    const mapped = withMapping(CATALOGUE, SAMPLE_MAPPING);
    const atse = mapped.find(({ id }) => id === 'advanced-threat-scan-engine');
    expect(atse?.entries).toEqual(['E.F0000003', 'E.48000202', 'E.48000203']);
    expect(mapped.find(({ id }) => id === 'url-filtering-engine')?.entries).toEqual([]);
    expect(component('antispam-engine').entries).toEqual([]);
  });
});

describe('guessVersionFromFileName', () => {
  it.each([
    ['virus-pattern', 'vsapi241.zip', null],
    ['virus-pattern', 'lpt$vpn.241', null],
    ['virus-pattern', 'vsapi1724100.zip', '1724100'],
    ['virus-pattern', 'VSAPI1724100.ZIP', '1724100'],
    ['virus-pattern', 'C:\\media\\vsapi1724100.zip', '1724100'],
    ['virus-pattern', 'vsapi17.241.00.zip', '1724100'],
    ['virus-pattern', 'lpt$vpn.17.241.00', '1724100'],
    ['virus-pattern', 'v_239.241', null],
    ['virus-pattern', 'vsapi99999999999.zip', null],
    ['virus-pattern', 'readme.txt', null],
    ['virus-pattern', '', null],
    ['smart-scan-agent-pattern', 'ioth1724100.zip', '1724100'],
    ['smart-scan-agent-pattern', 'ioth_1723900.1724100', null],
    ['spyware-pattern', 'ssaptn_2469.zip', '2469'],
    ['spyware-pattern', 'ssaptn002469.zip', '002469'],
    ['spyware-pattern', 'gpl.zip', null],
    ['virus-scan-engine', 'engv_nt386_v12500-1004.zip', '12.500.1004'],
    ['virus-scan-engine', 'lx_12.500.1004.zip', '12.500.1004'],
    ['virus-scan-engine', 'ntkd12500.zip', null],
  ])('%s, %s → %s', (id, name, version) => {
    expect(guessVersionFromFileName(component(id), name)).toBe(version);
  });

  it('reads dotted versions of custom components', () => {
    expect(guessVersionFromFileName({ numbering: 'dotted', filePatterns: [] }, 'rules-1.10739.00.tgz')).toBe(
      '1.10739.00',
    );
  });
});
