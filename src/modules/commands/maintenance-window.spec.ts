import { isWindowOpen, nextTurn } from './maintenance-window.js';

const at = (text: string): Date => new Date(text);
const daily = (from: string, to: string, days?: number[], timeZone = 'Asia/Tokyo') =>
  ({ kind: 'daily', from, to, timeZone, ...(days ? { days } : {}) }) as const;

describe('the maintenance window', () => {
  it('is open when there is none', () => {
    expect(isWindowOpen(null, at('2026-01-01T00:00:00Z'))).toBe(true);
  });

  it('counts by the local clock, from inclusive, to exclusive', () => {
    const window = daily('09:00', '10:00');
    expect(isWindowOpen(window, at('2026-01-01T00:00:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-01-01T00:59:59Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-01-01T01:00:00Z'))).toBe(false);
    expect(isWindowOpen(window, at('2025-12-31T23:59:59Z'))).toBe(false);
  });

  it('spans midnight, and belongs to the day on which it began', () => {
    // 2026-01-02 is a Friday.
    const window = daily('22:00', '05:00', [5]);
    expect(isWindowOpen(window, at('2026-01-02T13:00:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-01-02T19:59:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-01-02T20:00:00Z'))).toBe(false);
    expect(isWindowOpen(window, at('2026-01-01T19:00:00Z'))).toBe(false);
    expect(isWindowOpen(window, at('2026-01-03T13:00:00Z'))).toBe(false);
  });

  it('follows summer time', () => {
    const window = daily('02:00', '03:00', undefined, 'Europe/Berlin');
    expect(isWindowOpen(window, at('2026-01-15T01:30:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-07-15T00:30:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-07-15T01:30:00Z'))).toBe(false);
  });

  it('is the whole day when both ends are the same', () => {
    const window = daily('00:00', '00:00', undefined, 'UTC');
    for (const hour of [0, 5, 12, 23])
      expect(isWindowOpen(window, at(`2026-01-01T${String(hour).padStart(2, '0')}:30:00Z`))).toBe(true);
  });

  it('may be one stretch of time', () => {
    const window = { kind: 'once', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' } as const;
    expect(isWindowOpen(window, at('2026-01-01T00:00:00Z'))).toBe(true);
    expect(isWindowOpen(window, at('2026-01-02T00:00:00Z'))).toBe(false);
  });

  it('tells when it opens or closes, if that is soon', () => {
    const window = daily('09:00', '10:00');
    expect(nextTurn(window, at('2025-12-31T23:58:30Z'))).toEqual(at('2026-01-01T00:00:00Z'));
    expect(nextTurn(window, at('2026-01-01T00:59:59Z'))).toEqual(at('2026-01-01T01:00:00Z'));
    expect(nextTurn(window, at('2025-12-31T23:56:30Z'))).toBeNull();
    expect(nextTurn(window, at('2026-01-01T00:00:00Z'))).toBeNull();
    const once = { kind: 'once', from: '2026-01-01T00:00:07Z', to: '2026-01-01T00:00:09Z' } as const;
    expect(nextTurn(once, at('2026-01-01T00:00:00Z'))).toEqual(at(once.from));
    expect(nextTurn(once, at('2026-01-01T00:00:07Z'))).toEqual(at(once.to));
    expect(nextTurn(once, at('2026-01-01T00:00:09Z'))).toBeNull();
    expect(nextTurn(null, at('2026-01-01T00:00:00Z'))).toBeNull();
  });
});
