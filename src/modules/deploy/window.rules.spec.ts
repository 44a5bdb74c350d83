import { firstOpening } from './window.rules.js';

const now = new Date('2026-05-11T03:00:00Z'); // a Monday, noon in Tokyo
const daily = { kind: 'daily' as const, timeZone: 'Asia/Tokyo' };
const iso = (opening: ReturnType<typeof firstOpening>): unknown =>
  opening && [opening.from.toISOString(), opening.to.toISOString()];

describe('the first opening of a maintenance window', () => {
  it('is the one that is open now, also when it spans midnight', () => {
    const open = firstOpening({ ...daily, from: '10:00', to: '13:00' }, now);
    expect(iso(open)).toEqual(['2026-05-11T01:00:00.000Z', '2026-05-11T04:00:00.000Z']);
    const overnight = firstOpening({ ...daily, from: '22:00', to: '13:00' }, now);
    expect(iso(overnight)).toEqual(['2026-05-10T13:00:00.000Z', '2026-05-11T04:00:00.000Z']);
  });

  it('is the next one otherwise', () => {
    const tonight = firstOpening({ ...daily, from: '22:00', to: '02:00' }, now);
    expect(iso(tonight)).toEqual(['2026-05-11T13:00:00.000Z', '2026-05-11T17:00:00.000Z']);
    const sunday = firstOpening({ ...daily, from: '02:00', to: '04:00', days: [0] }, now);
    expect(iso(sunday)).toEqual(['2026-05-16T17:00:00.000Z', '2026-05-16T19:00:00.000Z']);
  });

  it('belongs to the day on which it begins', () => {
    const friday = firstOpening({ ...daily, from: '22:00', to: '02:00', days: [5] }, new Date('2026-05-15T16:00:00Z'));
    expect(iso(friday)).toEqual(['2026-05-15T13:00:00.000Z', '2026-05-15T17:00:00.000Z']);
  });

  it('is not on a day on which the clocks jump over all of it', () => {
    const newYork = { kind: 'daily' as const, timeZone: 'America/New_York' };
    const before = new Date('2026-03-08T05:00:00Z'); // Sunday, midnight; at two o'clock it will be three
    const skipped = { ...newYork, from: '02:15', to: '02:45' };
    expect(iso(firstOpening(skipped, before))).toEqual(['2026-03-09T06:15:00.000Z', '2026-03-09T06:45:00.000Z']);
    const sundays = firstOpening({ ...skipped, days: [0] }, before);
    expect(iso(sundays)).toEqual(['2026-03-15T06:15:00.000Z', '2026-03-15T06:45:00.000Z']);
    expect(firstOpening({ ...newYork, from: '01:30', to: '03:30' }, before)?.from.toISOString()).toBe(
      '2026-03-08T06:30:00.000Z',
    );
  });

  it('does not exist for a window without a day, without a length, in the past or turned round', () => {
    expect(firstOpening({ ...daily, from: '22:00', to: '02:00', days: [] }, now)).toBeNull();
    expect(firstOpening({ ...daily, from: '22:00', to: '22:00' }, now)).toBeNull();
    const once = (from: string, to: string): unknown => firstOpening({ kind: 'once', from, to }, now);
    expect(once('2026-05-10T00:00:00Z', '2026-05-11T03:00:00Z')).toBeNull();
    expect(once('2026-06-02T00:00:00Z', '2026-06-01T00:00:00Z')).toBeNull();
    expect(once('2026-05-10T00:00:00Z', '2026-05-11T03:00:01Z')).not.toBeNull();
  });
});
