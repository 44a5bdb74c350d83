import { csvCell } from './tracking.export.js';
import { prefixQuery } from './tracking.repository.js';

describe('cells of an export', () => {
  it('never begin like a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\nx'])
      expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/);
    expect(csvCell('a=1')).toBe('a=1');
    expect(csvCell(-5)).toBe('-5');
  });

  it('quote what would break a line', () => {
    expect(csvCell('a,b')).toBe('"a,b"');
    expect(csvCell('say "no"')).toBe('"say ""no"""');
    expect(csvCell('two\nlines')).toBe('"two\nlines"');
    expect(csvCell(null)).toBe('');
    expect(csvCell(['a', 'b'])).toBe('a b');
    expect(csvCell(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
  });
});

describe('a search by words', () => {
  it('quotes whatever would mean something', () => {
    expect(prefixQuery('Virus pat')).toBe("'virus':* & 'pat':*");
    expect(prefixQuery("a'b\\c & | !")).toBe("'a''b\\\\c':* & '&':* & '|':* & '!':*");
    expect(prefixQuery('   ')).toBe('');
  });
});
