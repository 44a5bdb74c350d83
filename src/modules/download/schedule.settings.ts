import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsString,
  Matches,
  Max,
  Min,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { CLOCK_TIME, WEEKDAYS } from '../../platform/clock/clock-time.js';

@ValidatorConstraint({ name: 'timeZone' })
class IsTimeZone implements ValidatorConstraintInterface {
  validate(zone: unknown): boolean {
    try {
      new Intl.DateTimeFormat('en', { timeZone: String(zone) });
      return typeof zone === 'string';
    } catch {
      return false;
    }
  }

  defaultMessage(): string {
    return 'timeZone must be an IANA time zone such as Asia/Tokyo';
  }
}

@ValidatorConstraint({ name: 'otherTime' })
class IsOtherTime implements ValidatorConstraintInterface {
  validate(to: unknown, { object }: ValidationArguments): boolean {
    return to !== (object as HoursSetting).from;
  }

  defaultMessage(): string {
    return 'to must be another time than from: hours from a time to the same time are none';
  }
}

export class HoursSetting {
  /** Local time, HH:MM. */
  @Matches(CLOCK_TIME, { message: 'from must be a time HH:MM' })
  from: string;

  /** Exclusive; before `from` it means the next day. */
  @Matches(CLOCK_TIME, { message: 'to must be a time HH:MM' })
  @Validate(IsOtherTime)
  to: string;
}

/** When nothing is downloaded by schedule. */
export class ExceptionsSetting {
  /** Dates, YYYY-MM-DD. */
  @IsArray()
  @ArrayMaxSize(1000)
  @Matches(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, { each: true, message: 'days must be dates YYYY-MM-DD' })
  @IsISO8601({ strict: true }, { each: true, message: 'days must be dates that exist' })
  days: string[];

  /** 0 = Sunday … 6 = Saturday. */
  @IsArray()
  @ArrayMaxSize(7)
  @IsInt({ each: true })
  @Min(0, { each: true })
  @Max(6, { each: true })
  weekdays: number[];

  @IsArray()
  @ArrayMaxSize(24)
  @ValidateNested({ each: true })
  @Type(() => HoursSetting)
  hours: HoursSetting[];
}

export class DownloadScheduleSetting {
  @IsBoolean()
  enabled: boolean;

  @IsIn(['every-15-minutes', 'hourly', 'daily', 'weekly'])
  frequency: 'every-15-minutes' | 'hourly' | 'daily' | 'weekly';

  /** For `hourly`: 0, 15, 30 or 45. */
  @IsIn([0, 15, 30, 45])
  minute: number;

  /** For `daily` and `weekly`: local time HH:MM. */
  @Matches(CLOCK_TIME, { message: 'time must be a time HH:MM' })
  time: string;

  /** For `weekly`: 0 = Sunday … 6 = Saturday. */
  @IsInt()
  @Min(0)
  @Max(6)
  weekday: number;

  @IsString()
  @Validate(IsTimeZone)
  timeZone: string;

  @MayBeMissing()
  @IsObject()
  @ValidateNested()
  @Type(() => ExceptionsSetting)
  exceptions: ExceptionsSetting;
}

export const SCHEDULE_DEFAULT: DownloadScheduleSetting = {
  enabled: true,
  frequency: 'every-15-minutes',
  minute: 0,
  time: '03:00',
  weekday: 0,
  timeZone: 'Asia/Tokyo',
  exceptions: { days: [], weekdays: [], hours: [] },
};

interface LocalTime {
  date: string;
  weekday: number;
  /** HH:MM */
  time: string;
  minute: number;
}

type Strike = Omit<LocalTime, 'minute'>;

type LocalClock = (at: Date) => LocalTime;

/** Making the formatter costs a hundred times what using it does. */
function localClock(timeZone: string): LocalClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    weekday: 'short',
  });
  return (at) => {
    const parts = format.formatToParts(at).map(({ type, value }) => [type, value]);
    const part = Object.fromEntries(parts) as Record<string, string>;
    return {
      date: `${part['year']}-${part['month']}-${part['day']}`,
      weekday: WEEKDAYS.indexOf(part['weekday'] ?? ''),
      time: `${part['hour']}:${part['minute']}`,
      minute: Number(part['minute']),
    };
  };
}

export function localTime(at: Date, timeZone: string): LocalTime {
  return localClock(timeZone)(at);
}

function excepted(exceptions: ExceptionsSetting, local: Strike): boolean {
  const within = ({ from, to }: HoursSetting): boolean =>
    from <= to ? from <= local.time && local.time < to : local.time >= from || local.time < to;
  return isDayExcepted(exceptions, local) || exceptions.hours.some(within);
}

function isDayExcepted({ days, weekdays }: ExceptionsSetting, { date, weekday }: Omit<Strike, 'time'>): boolean {
  return days.includes(date) || weekdays.includes(weekday);
}

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

/**
 * The local date and time HH:MM that strikes in the minute of `at`, if it does. A time that is skipped when clocks go forward strikes in
 * the first minute after the gap, be it on the next day; one that comes twice when they go back strikes the first time only.
 */
function strike(time: string, at: Date, clock: LocalClock): Strike | null {
  const local = clock(at);
  if (local.time === time) {
    const twice = [30, 60, 120].some((minutes) => {
      const earlier = clock(new Date(at.getTime() - minutes * MINUTE_MS));
      return earlier.date === local.date && earlier.time === time;
    });
    return twice ? null : local;
  }
  const before = clock(new Date(at.getTime() - MINUTE_MS));
  const skipped = [before, local].find(({ date }) => {
    const wanted = `${date} ${time}`;
    return `${before.date} ${before.time}` < wanted && wanted < `${local.date} ${local.time}`;
  });
  return skipped === undefined ? null : { date: skipped.date, weekday: skipped.weekday, time };
}

/** Whether the schedule wants a download in the minute of `at`; pure. */
export function isDue(setting: DownloadScheduleSetting, at: Date): boolean {
  return setting.enabled && isDueBy(setting, at, localClock(setting.timeZone));
}

function isDueBy(setting: DownloadScheduleSetting, at: Date, clock: LocalClock): boolean {
  const local = clock(at);
  if (excepted(setting.exceptions, local)) return false;
  switch (setting.frequency) {
    case 'every-15-minutes':
      return local.minute % 15 === 0;
    case 'hourly':
      return local.minute === setting.minute;
    case 'daily':
    case 'weekly': {
      const struck = strike(setting.time, at, clock);
      if (struck === null || excepted(setting.exceptions, struck)) return false;
      return setting.frequency === 'daily' || setting.weekday === struck.weekday;
    }
  }
}

/** The next minute in which a download is due; null when there is none, ever. */
export function nextDue(setting: DownloadScheduleSetting, after: Date): Date | null {
  if (!setting.enabled || !canFire(setting)) return null;
  const clock = localClock(setting.timeZone);
  const stepMs = (setting.frequency === 'every-15-minutes' ? 15 : 1) * MINUTE_MS;
  // Whatever can fire at all does so within eight days, but for those dates that are excepted.
  const lastMs = after.getTime() + (setting.exceptions.days.length + 2) * WEEK_MS;
  for (let ms = (Math.floor(after.getTime() / stepMs) + 1) * stepMs; ms <= lastMs;) {
    const at = new Date(ms);
    if (isDueBy(setting, at, clock)) return at;
    ms = nextDayMs(setting, at, clock) ?? ms + stepMs;
  }
  return null;
}

/** The local midnight after a day on which nothing is due; null on other days, and on those on which clocks are changed. */
function nextDayMs(setting: DownloadScheduleSetting, at: Date, clock: LocalClock): number | null {
  const local = clock(at);
  const otherWeekday = setting.frequency === 'weekly' && setting.weekday !== local.weekday;
  if (!otherWeekday && !isDayExcepted(setting.exceptions, local)) return null;
  const midnightMs = at.getTime() + (24 * 60 - Number(local.time.slice(0, 2)) * 60 - local.minute) * MINUTE_MS;
  return clock(new Date(midnightMs)).time === '00:00' ? midnightMs : null;
}

/** Whether weekdays and hours that are excepted leave any time of the local clock for it; excepted dates pass. */
export function canFire(setting: DownloadScheduleSetting): boolean {
  const { frequency, weekday, exceptions } = setting;
  const minutes = frequency === 'hourly' ? [setting.minute] : [0, 15, 30, 45];
  const two = (n: number): string => String(n).padStart(2, '0');
  const times =
    frequency === 'daily' || frequency === 'weekly'
      ? [setting.time]
      : Array.from({ length: 24 }, (_, hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`)).flat();
  const weekdays = frequency === 'weekly' ? [weekday] : [...WEEKDAYS.keys()];
  return weekdays.some((day) => times.some((time) => !excepted(exceptions, { date: '', weekday: day, time })));
}
