import { parseInstant } from './instant.js';

describe('a time from outside', () => {
  it.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.5+09:00', '2026-01-31T03:00:00.500Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:00', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31 12:00:00', '2026-01-31T12:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(parseInstant(text)?.toISOString()).toBe(expected);
  });

  it.each(['2026-W50', '2026-W50-1T10:00:00Z', '2026-366', '2026-02-30', '20261125', 'now', '', 5, null])(
    '%p is none',
    (text) => {
      expect(parseInstant(text)).toBeNull();
    },
  );
});
