const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timeZone: string): Intl.DateTimeFormat {
  let known = formats.get(timeZone);
  if (known === undefined) {
    known = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(timeZone, known);
  }
  return known;
}

/** How far the zone's clocks are ahead of UTC at that instant, in milliseconds. */
function offsetAt(at: number, timeZone: string): number {
  const part = Object.fromEntries(
    format(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part as Record<string, number>;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** The instant of a wall-clock time: the first of two, and as much after a gap as it lies within it. */
function instantOf(wall: number, timeZone: string): number {
  const offsets = [offsetAt(wall - DAY, timeZone), offsetAt(wall + DAY, timeZone)];
  const fitting = offsets.map((offset) => wall - offset).filter((at) => at + offsetAt(at, timeZone) === wall);
  return fitting.length > 0 ? Math.min(...fitting) : wall - Math.min(...offsets);
}

/**
 * The first instant at or after `from` at which clocks in `timeZone` show `time` (HH:MM). A time that a day skips (change
 * to summer time) happens as much later as the clocks jump; one that comes twice happens the first time.
 */
export function nextLocalTime(time: string, timeZone: string, from: Date): Date {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  const local = from.getTime() + offsetAt(from.getTime(), timeZone);
  const midnight = Math.floor(local / DAY) * DAY;
  for (let day = 0; ; day += 1) {
    const instant = instantOf(midnight + day * DAY + (hours * 60 + minutes) * MINUTE, timeZone);
    if (instant >= from.getTime()) return new Date(instant);
  }
}
