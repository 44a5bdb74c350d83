import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';

const CLOCK_TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

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

export class HoursSetting {
  /** Local time, HH:MM. */
  @Matches(CLOCK_TIME, { message: 'from must be a time HH:MM' })
  from: string;

  /** Exclusive; before `from` it means the next day. */
  @Matches(CLOCK_TIME, { message: 'to must be a time HH:MM' })
  to: string;
}

/** When nothing is downloaded by schedule. */
export class ExceptionsSetting {
  /** Dates, YYYY-MM-DD. */
  @IsArray()
  @ArrayMaxSize(1000)
  @Matches(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, { each: true, message: 'days must be dates YYYY-MM-DD' })
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

  @IsOptional()
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

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export function localTime(at: Date, timeZone: string): LocalTime {
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
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value])) as Record<
    string,
    string
  >;
  return {
    date: `${part['year']}-${part['month']}-${part['day']}`,
    weekday: WEEKDAYS.indexOf(part['weekday'] ?? ''),
    time: `${part['hour']}:${part['minute']}`,
    minute: Number(part['minute']),
  };
}

function excepted(exceptions: ExceptionsSetting, local: LocalTime): boolean {
  const within = ({ from, to }: HoursSetting): boolean =>
    from <= to ? from <= local.time && local.time < to : local.time >= from || local.time < to;
  return (
    exceptions.days.includes(local.date) || exceptions.weekdays.includes(local.weekday) || exceptions.hours.some(within)
  );
}

/** Whether the schedule wants a download in the minute of `at`; pure. */
export function isDue(setting: DownloadScheduleSetting, at: Date): boolean {
  if (!setting.enabled) return false;
  const local = localTime(at, setting.timeZone);
  if (excepted(setting.exceptions, local)) return false;
  switch (setting.frequency) {
    case 'every-15-minutes':
      return local.minute % 15 === 0;
    case 'hourly':
      return local.minute === setting.minute;
    case 'daily':
      return local.time === setting.time;
    case 'weekly':
      return local.weekday === setting.weekday && local.time === setting.time;
  }
}

/** The next minute in which a download is due, looking eight days ahead; null when there is none. */
export function nextDue(setting: DownloadScheduleSetting, after: Date): Date | null {
  if (!setting.enabled) return null;
  const minute = 60_000;
  // Every schedule here falls on a whole minute; those of quarter hours are found quickly, the others within 11,520 steps.
  const start = Math.floor(after.getTime() / minute) * minute;
  for (let step = 1; step <= 8 * 24 * 60; step++) {
    const at = new Date(start + step * minute);
    if (setting.frequency === 'every-15-minutes' && at.getUTCMinutes() % 15 !== 0) continue;
    if (isDue(setting, at)) return at;
  }
  return null;
}
