import { WEEKDAYS } from '../../platform/clock/clock-time.js';
import { isWindowOpen, type MaintenanceWindow } from '../commands/commands.api.js';
import { nextLocalTime } from './local-start.js';

const DAY = 86_400_000;
/** Every daily window that opens at all opens within a week, or within two when the clocks jump over it in the first. */
const LOOK_AHEAD_DAYS = 15;

export interface Opening {
  from: Date;
  to: Date;
}

/**
 * The first stretch of a maintenance window that is not over at `now`; null when it never opens again. A daily window whose
 * ends are the same time is open for no moment.
 */
export function firstOpening(window: MaintenanceWindow, now: Date): Opening | null {
  if (window.kind === 'once') {
    const opening = { from: new Date(window.from), to: new Date(window.to) };
    return opening.to > now && opening.from < opening.to ? opening : null;
  }
  if (window.from === window.to || window.days?.length === 0) return null;
  // One that spans midnight may have opened yesterday.
  let from = nextLocalTime(window.from, window.timeZone, new Date(now.getTime() - DAY));
  for (let day = 0; day <= LOOK_AHEAD_DAYS; day += 1) {
    const to = nextLocalTime(window.to, window.timeZone, from);
    const onDay = (window.days ?? ALL_DAYS).includes(localWeekday(from, window.timeZone));
    // It does not open on a day on which the clocks jump over all of it.
    if (to > now && onDay && isWindowOpen(window, from)) return { from, to };
    from = nextLocalTime(window.from, window.timeZone, new Date(from.getTime() + 1));
  }
  return null;
}

const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];

function localWeekday(at: Date, timeZone: string): number {
  return WEEKDAYS.indexOf(new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short' }).format(at));
}
