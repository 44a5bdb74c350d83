import { WEEKDAYS } from '../../platform/clock/clock-time.js';
import type { MaintenanceWindow } from './command.types.js';

/** Whether a product may install now. */
export function isWindowOpen(window: MaintenanceWindow | null, now: Date): boolean {
  if (window === null) return true;
  if (window.kind === 'once') return now >= new Date(window.from) && now < new Date(window.to);
  const { minute, day } = localMoment(now, window.timeZone);
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  const onDay = (which: number): boolean => window.days === undefined || window.days.includes(which);
  if (from < to) return minute >= from && minute < to && onDay(day);
  // It spans midnight: after it the window belongs to the day on which it began. Equal ends: the whole day.
  return (minute >= from && onDay(day)) || (minute < to && onDay((day + 6) % 7));
}

const MINUTE_MS = 60_000;
/** Longer than anybody remembers what was read, and than a poll is held. */
const SOON_MINUTES = 3;

/** When it opens or closes next, if that is within a few minutes. Time zones differ by whole minutes. */
export function nextTurn(window: MaintenanceWindow | null, now: Date): Date | null {
  if (window === null) return null;
  const minute = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS;
  const moments =
    window.kind === 'once'
      ? [new Date(window.from), new Date(window.to)].filter((each) => each > now)
      : Array.from({ length: SOON_MINUTES }, (_, ahead) => new Date(minute + (ahead + 1) * MINUTE_MS));
  const open = isWindowOpen(window, now);
  const last = now.getTime() + SOON_MINUTES * MINUTE_MS;
  return moments.find((each) => each.getTime() <= last && isWindowOpen(window, each) !== open) ?? null;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since local midnight, and the day of the week (0 = Sunday). */
function localMoment(now: Date, timeZone: string): { minute: number; day: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return {
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
    day: WEEKDAYS.indexOf(parts.get('weekday') ?? 'Sun'),
  };
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
