import 'reflect-metadata'; // class-transformer reads it when the settings are loaded
import {
  canFire,
  isDue,
  localTime,
  nextDue,
  SCHEDULE_DEFAULT,
  type DownloadScheduleSetting,
} from './schedule.settings.js';

const NO_EXCEPTIONS = { days: [], weekdays: [], hours: [] };

function schedule(change: Partial<DownloadScheduleSetting>): DownloadScheduleSetting {
  return { ...SCHEDULE_DEFAULT, timeZone: 'UTC', ...change };
}

/** The minutes of a span in which a schedule is due, as UTC texts without seconds. */
function dueTimes(setting: DownloadScheduleSetting, from: string, hours: number): string[] {
  const start = Date.parse(from);
  return Array.from({ length: hours * 60 }, (_, minute) => new Date(start + minute * 60_000))
    .filter((at) => isDue(setting, at))
    .map((at) => at.toISOString().slice(5, 16));
}

function datesFrom(first: string, count: number, everyDays: number): string[] {
  const firstMs = Date.parse(first);
  return Array.from({ length: count }, (_, n) =>
    new Date(firstMs + n * everyDays * 86_400_000).toISOString().slice(0, 10),
  );
}

describe('when the schedule is due', () => {
  it('every 15 minutes', () => {
    expect(dueTimes(schedule({}), '2026-03-02T00:00Z', 1)).toEqual(
      ['00:00', '00:15', '00:30', '00:45'].map((time) => `03-02T${time}`),
    );
  });

  it.each([0, 15, 30, 45])('hourly at minute %i', (minute) => {
    const due = dueTimes(schedule({ frequency: 'hourly', minute }), '2026-03-02T00:00Z', 3);
    const two = String(minute).padStart(2, '0');
    expect(due).toEqual(['00', '01', '02'].map((hour) => `03-02T${hour}:${two}`));
  });

  it('hourly counts minutes of the local clock, also where zones are off by 45', () => {
    const setting = schedule({ frequency: 'hourly', minute: 0, timeZone: 'Asia/Kathmandu' });
    expect(dueTimes(setting, '2026-03-02T00:00Z', 2)).toEqual(['03-02T00:15', '03-02T01:15']);
  });

  it('daily at a local time', () => {
    const setting = schedule({ frequency: 'daily', time: '03:00', timeZone: 'Asia/Tokyo' });
    expect(dueTimes(setting, '2026-03-02T00:00Z', 48)).toEqual(['03-02T18:00', '03-03T18:00']);
  });

  it('weekly on a local day', () => {
    // Monday 03:00 in Tokyo is still Sunday in London.
    const setting = schedule({ frequency: 'weekly', weekday: 1, time: '03:00', timeZone: 'Asia/Tokyo' });
    expect(dueTimes(setting, '2026-03-01T00:00Z', 14 * 24)).toEqual(['03-01T18:00', '03-08T18:00']);
  });

  it('never when it is off', () => {
    const off = schedule({ enabled: false });
    expect(dueTimes(off, '2026-03-02T00:00Z', 24)).toEqual([]);
    expect(nextDue(off, new Date('2026-03-02T00:00Z'))).toBeNull();
  });

  it.each([
    ['a day of the local calendar', { days: ['2026-03-03'] }, '03-02T15:00', '03-03T15:00'],
    ['a weekday', { weekdays: [2] }, '03-02T15:00', '03-03T15:00'],
  ])('not on %s that is excepted', (_, exceptions, from, to) => {
    const setting = schedule({ timeZone: 'Asia/Tokyo', exceptions: { ...NO_EXCEPTIONS, ...exceptions } });
    const due = dueTimes(setting, '2026-03-02T00:00Z', 48);
    expect(due.filter((at) => at >= from && at < to)).toEqual([]);
    expect(due).toHaveLength(96);
  });

  it('not in excepted hours; their end does not belong to them, and they may cross midnight', () => {
    const hours = [
      { from: '08:00', to: '18:00' },
      { from: '22:00', to: '02:00' },
    ];
    const due = dueTimes(
      schedule({ frequency: 'hourly', exceptions: { ...NO_EXCEPTIONS, hours } }),
      '2026-03-02T00:00Z',
      24,
    );
    expect(due.map((at) => at.slice(6, 8))).toEqual(['02', '03', '04', '05', '06', '07', '18', '19', '20', '21']);
  });

  it('hours from a time to the same time are no hours', () => {
    const hours = [{ from: '08:00', to: '08:00' }];
    expect(
      dueTimes(schedule({ frequency: 'hourly', exceptions: { ...NO_EXCEPTIONS, hours } }), '2026-03-02T00:00Z', 24),
    ).toHaveLength(24);
  });
});

describe('when clocks are changed', () => {
  const berlin = 'Europe/Berlin';

  it('a daily time that is skipped strikes right after the gap', () => {
    // 2026-03-29: 02:00 becomes 03:00, at 01:00 UTC.
    const setting = schedule({ frequency: 'daily', time: '02:30', timeZone: berlin });
    expect(dueTimes(setting, '2026-03-28T00:00Z', 72)).toEqual(['03-28T01:30', '03-29T01:00', '03-30T00:30']);
  });

  it('a daily time that comes twice strikes once', () => {
    // 2026-10-25: 03:00 becomes 02:00, at 01:00 UTC.
    const setting = schedule({ frequency: 'daily', time: '02:30', timeZone: berlin });
    expect(dueTimes(setting, '2026-10-24T00:00Z', 72)).toEqual(['10-24T00:30', '10-25T00:30', '10-26T01:30']);
  });

  it('also where the change is half an hour', () => {
    // Lord Howe, 2026-04-05: 02:00 becomes 01:30; 2026-10-04: 02:00 becomes 02:30.
    const back = schedule({ frequency: 'daily', time: '01:45', timeZone: 'Australia/Lord_Howe' });
    expect(dueTimes(back, '2026-04-04T03:00Z', 24)).toHaveLength(1);
    const forth = schedule({ frequency: 'daily', time: '02:15', timeZone: 'Australia/Lord_Howe' });
    expect(dueTimes(forth, '2026-10-03T03:00Z', 24)).toHaveLength(1);
  });

  it.each([
    // 2026-04-24: 00:00 becomes 01:00.
    ['Africa/Cairo', '00:00', '2026-04-22T22:00Z', ['04-22T22:00', '04-23T22:00', '04-24T21:00']],
    ['Africa/Cairo', '00:30', '2026-04-22T22:00Z', ['04-22T22:30', '04-23T22:00', '04-24T21:30']],
    // 2026-09-06: 00:00 becomes 01:00.
    ['America/Santiago', '00:00', '2026-09-05T04:00Z', ['09-05T04:00', '09-06T04:00', '09-07T03:00']],
    // 2027-03-28: 00:00 becomes 01:00.
    ['Asia/Beirut', '00:15', '2027-03-26T22:00Z', ['03-26T22:15', '03-27T22:00', '03-28T21:15']],
    // 2026-03-28: 23:00 becomes 00:00 of the next day.
    ['America/Nuuk', '23:30', '2026-03-28T01:00Z', ['03-28T01:30', '03-29T01:00', '03-30T00:30']],
  ])('also where the gap is at midnight: %s, %s', (timeZone, time, from, expected) => {
    expect(dueTimes(schedule({ frequency: 'daily', time, timeZone }), from, 60)).toEqual(expected);
  });

  it('a weekly time that is skipped strikes once, on the day that it belongs to, be it in the first minute of the next', () => {
    // 2026-03-28 is a Saturday.
    const nuuk = { frequency: 'weekly' as const, time: '23:30', timeZone: 'America/Nuuk' };
    expect(dueTimes(schedule({ ...nuuk, weekday: 6 }), '2026-03-28T00:00Z', 72)).toEqual(['03-29T01:00']);
    expect(dueTimes(schedule({ ...nuuk, weekday: 0 }), '2026-03-28T00:00Z', 72)).toEqual(['03-30T00:30']);
    const exceptions = { ...NO_EXCEPTIONS, days: ['2026-03-28'] };
    expect(dueTimes(schedule({ ...nuuk, weekday: 6, exceptions }), '2026-03-28T00:00Z', 72)).toEqual([]);
  });

  it('hours of the clock are hours of the clock', () => {
    const setting = schedule({ frequency: 'hourly', timeZone: berlin });
    expect(dueTimes(setting, '2026-03-29T00:00Z', 4)).toHaveLength(4);
    expect(dueTimes(setting, '2026-10-25T00:00Z', 4)).toHaveLength(4);
  });

  it('tells local times on both sides', () => {
    expect(localTime(new Date('2026-03-29T00:59Z'), berlin)).toMatchObject({ time: '01:59', weekday: 0 });
    expect(localTime(new Date('2026-03-29T01:00Z'), berlin)).toMatchObject({ time: '03:00', date: '2026-03-29' });
  });
});

describe('when the schedule is due next', () => {
  it.each([
    [schedule({}), '2026-03-02T00:00:00Z', '2026-03-02T00:15:00.000Z'],
    [schedule({}), '2026-03-02T00:14:59Z', '2026-03-02T00:15:00.000Z'],
    [schedule({ frequency: 'hourly', minute: 45 }), '2026-03-02T00:46:00Z', '2026-03-02T01:45:00.000Z'],
    [
      schedule({ frequency: 'daily', time: '03:00', timeZone: 'Asia/Tokyo' }),
      '2026-03-02T18:00:00Z',
      '2026-03-03T18:00:00.000Z',
    ],
    [schedule({ frequency: 'weekly', weekday: 0, time: '23:59' }), '2026-03-02T00:00:00Z', '2026-03-08T23:59:00.000Z'],
    [schedule({ exceptions: { ...NO_EXCEPTIONS, weekdays: [1] } }), '2026-03-02T08:00:00Z', '2026-03-03T00:00:00.000Z'],
  ])('is never the present minute (%#)', (setting, after, expected) => {
    expect(nextDue(setting, new Date(after))?.toISOString()).toBe(expected);
  });

  it.each<[string, Partial<DownloadScheduleSetting>, string[], string]>([
    ['daily: nine days', { frequency: 'daily' }, datesFrom('2026-03-02', 9, 1), '2026-03-11T03:00:00.000Z'],
    ['weekly: two Sundays', { frequency: 'weekly' }, datesFrom('2026-03-08', 2, 7), '2026-03-22T03:00:00.000Z'],
    ['weekly: a thousand', { frequency: 'weekly' }, datesFrom('2026-03-08', 1000, 7), '2045-05-07T03:00:00.000Z'],
    ['every 15 minutes: a month', {}, datesFrom('2026-03-02', 30, 1), '2026-04-01T00:00:00.000Z'],
    [
      'with changes of the clock at midnight',
      { frequency: 'daily', time: '00:30', timeZone: 'Africa/Cairo' },
      datesFrom('2026-04-20', 300, 1),
      '2027-02-13T22:30:00.000Z',
    ],
  ])('is found after dates that are excepted, %s', (_, change, days, expected) => {
    const setting = schedule({ ...change, exceptions: { ...NO_EXCEPTIONS, days } });
    expect(nextDue(setting, new Date(`${days[0]}T00:00Z`))?.toISOString()).toBe(expected);
  });

  it('is unknown when exceptions leave nothing', () => {
    const never = schedule({ exceptions: { ...NO_EXCEPTIONS, weekdays: [0, 1, 2, 3, 4, 5, 6] } });
    expect(nextDue(never, new Date('2026-03-02T00:00Z'))).toBeNull();
  });
});

describe('whether a schedule can ever start anything', () => {
  const night = { ...NO_EXCEPTIONS, hours: [{ from: '23:00', to: '01:00' }] };

  it.each<[string, Partial<DownloadScheduleSetting>, boolean]>([
    ['every weekday excepted', { exceptions: { ...NO_EXCEPTIONS, weekdays: [0, 1, 2, 3, 4, 5, 6] } }, false],
    ['daily within excepted hours', { frequency: 'daily', time: '23:59', exceptions: night }, false],
    [
      'hourly between excepted hours',
      { frequency: 'hourly', minute: 30, exceptions: { ...NO_EXCEPTIONS, hours: [{ from: '00:45', to: '00:15' }] } },
      true,
    ],
    [
      'hourly within excepted hours',
      { frequency: 'hourly', minute: 0, exceptions: { ...NO_EXCEPTIONS, hours: [{ from: '00:45', to: '00:15' }] } },
      false,
    ],
    ['daily at the end of them', { frequency: 'daily', time: '01:00', exceptions: night }, true],
    [
      'weekly on an excepted day',
      { frequency: 'weekly', weekday: 3, exceptions: { ...NO_EXCEPTIONS, weekdays: [3] } },
      false,
    ],
    [
      'weekly on another day',
      { frequency: 'weekly', weekday: 3, exceptions: { ...NO_EXCEPTIONS, weekdays: [4] } },
      true,
    ],
    [
      'after dates that pass',
      {
        exceptions: {
          ...NO_EXCEPTIONS,
          days: Array.from({ length: 20 }, (_, day) => `2026-03-${String(day + 1).padStart(2, '0')}`),
        },
      },
      true,
    ],
  ])('%s', (_, change, expected) => {
    expect(canFire(schedule(change))).toBe(expected);
  });
});
