import fc from 'fast-check';
import { nextLocalTime } from './local-start.js';

const at = (iso: string): Date => new Date(iso);

describe('the next local time', () => {
  it.each([
    ['22:00', 'Asia/Tokyo', '2026-05-10T00:00:00Z', '2026-05-10T13:00:00Z'],
    ['22:00', 'Asia/Tokyo', '2026-05-10T13:00:00Z', '2026-05-10T13:00:00Z'],
    ['22:00', 'Asia/Tokyo', '2026-05-10T13:00:00.001Z', '2026-05-11T13:00:00Z'],
    ['00:30', 'America/New_York', '2026-05-10T23:00:00Z', '2026-05-11T04:30:00Z'],
    ['02:30', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z'],
    ['01:30', 'America/New_York', '2026-10-31T12:00:00Z', '2026-11-01T05:30:00Z'],
  ])('%s in %s after %s is %s', (time, zone, from, expected) => {
    expect(nextLocalTime(time, zone, at(from))).toEqual(at(expected));
  });

  it('happens later by the jump when the clocks skip it', () => {
    expect(nextLocalTime('02:30', 'Europe/Berlin', at('2026-03-28T12:00:00Z'))).toEqual(at('2026-03-29T01:30:00Z'));
  });

  it('is never in the past and never more than two days away', () => {
    const zone = fc.constantFrom('Asia/Tokyo', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
    const from = fc.date({ min: at('2020-01-01'), max: at('2035-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(time, zone, from, (wanted, timeZone, start) => {
        const wait = nextLocalTime(wanted, timeZone, start).getTime() - start.getTime();
        return wait >= 0 && wait <= 2 * 86_400_000;
      }),
    );
  });
});
