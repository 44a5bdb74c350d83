import fc from 'fast-check';
import { compareVersions, displayVersion, NUMBERINGS, parseDisplayVersion, variantOf, withVariant } from './version.js';

describe('compareVersions', () => {
  it.each([
    ['1724100', '1724300', 'vsapi', -1],
    ['1724100', '1724180', 'vsapi', 0],
    ['1724180', '1724100', 'vsapi', 0],
    ['1724180', '1724200', 'vsapi', -1],
    ['1724101', '1724180', 'vsapi', 1],
    ['17.241.00', '1724100', 'vsapi', 0],
    ['4294967295', '4294967296', 'vsapi', 1], // beyond 32 bits is no version
    ['180', '100', 'vsapi', 1], // three digits have no variant
    ['12.5.1004', '12.500.1004', 'engine', 0],
    ['12.51.1', '12.500.9999', 'engine', 1],
    ['12.500.1004', '12.500.1005', 'engine', -1],
    ['9.9.9', '12.0.0', 'engine', -1],
    ['12', '12.0.0', 'engine', 0],
    ['00001800', '1800', 'integer', 0],
    ['999', '1000', 'integer', -1],
    ['99999999999999999999', '99999999999999999998', 'integer', 1],
    ['1.9', '1.10', 'dotted', -1],
    ['1', '1.0.0', 'dotted', 0],
    ['', '0', 'integer', -1],
    ['garbage', '1', 'integer', -1],
    ['build 9', 'build 10', 'integer', -1],
    ['9'.repeat(65), '1', 'integer', -1], // longer than any version: does not fit
  ] as const)('%s against %s (%s) is %d', (a, b, numbering, expected) => {
    expect(compareVersions(a, b, numbering)).toBe(expected);
    expect(compareVersions(b, a, numbering)).toBe(expected === 0 ? 0 : -expected);
  });

  it('is a total order on anything, and never throws', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc
        .array(fc.constantFrom('0', '1', '80', '00', '17', '241', '.', '-', 'a', ' '), { maxLength: 8 })
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, text, text, fc.constantFrom(...NUMBERINGS), (a, b, c, numbering) => {
        const ab = compareVersions(a, b, numbering);
        expect(compareVersions(a, a, numbering)).toBe(0);
        expect(compareVersions(b, a, numbering) + ab).toBe(0);
        if (ab <= 0 && compareVersions(b, c, numbering) <= 0)
          expect(compareVersions(a, c, numbering)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a variant for the same number', () => {
    expect(compareVersions('1569780', '1569700', 'vsapi')).toBe(0);
    expect(compareVersions('1569780', '1569900', 'vsapi')).toBe(-1);
  });
});

describe('displayVersion', () => {
  it.each([
    ['1724100', 'vsapi', '17.241.00'],
    ['1569780', 'vsapi', '15.697.80'],
    ['100000', 'vsapi', '1.000.00'],
    ['241', 'vsapi', '241'],
    ['4294967296', 'vsapi', '4294967296'],
    ['12.5.1004', 'engine', '12.500.1004'],
    ['6.51.1002', 'engine', '6.510.1002'],
    ['12', 'engine', '12'],
    ['00001800', 'integer', '00001800'],
    ['1.02', 'dotted', '1.02'],
    ['whatever', 'vsapi', 'whatever'],
  ] as const)('%s (%s) → %s', (raw, numbering, shown) => {
    expect(displayVersion(raw, numbering)).toBe(shown);
  });
});

describe('parseDisplayVersion', () => {
  it('reads back every vsapi version that it shows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100_000, max: 0xffff_ffff }), (version) => {
        const raw = String(version);
        expect(parseDisplayVersion(displayVersion(raw, 'vsapi'), 'vsapi')).toBe(raw);
        expect(parseDisplayVersion(raw, 'vsapi')).toBe(raw);
      }),
    );
  });

  it.each([
    [' 17.241.00 ', 'vsapi', '1724100'],
    ['17.241', 'vsapi', null],
    ['99999.999.99', 'vsapi', null],
    ['12.500.1004', 'engine', '12.500.1004'],
    ['x', 'engine', null],
    ['00001800', 'integer', '00001800'],
    ['1.2', 'integer', null],
    ['1.2', 'dotted', '1.2'],
    ['', 'dotted', null],
  ] as const)('%s (%s) → %s', (text, numbering, raw) => {
    expect(parseDisplayVersion(text, numbering)).toBe(raw);
  });
});

describe('variants', () => {
  it.each([
    ['1724100', '00'],
    ['1724180', '80'],
    ['1724101', null],
    ['180', null],
    ['x', null],
  ])('%s is of variant %s', (raw, variant) => {
    expect(variantOf(raw, 'vsapi')).toBe(variant);
  });

  it('exist in the vsapi numbering only', () => {
    expect(variantOf('1724180', 'integer')).toBeNull();
  });

  it('change the last two digits and nothing else, and back again', () => {
    expect(withVariant('1724100', '80')).toBe('1724180');
    expect(withVariant('0001724100', '80')).toBe('0001724180');
    expect(withVariant('1724102', '80')).toBe('1724102');
    expect(withVariant('241', '80')).toBe('241');
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 42_949_671 }), (number) => {
        const raw = `${number}00`;
        expect(withVariant(withVariant(raw, '80'), '00')).toBe(raw);
        expect(compareVersions(raw, withVariant(raw, '80'), 'vsapi')).toBe(0);
      }),
    );
  });
});
