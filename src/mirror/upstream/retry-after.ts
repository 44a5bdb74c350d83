/** Nobody is waited for longer than a day, whatever it asks for. */
const MAX_SECONDS = 24 * 3600;

/**
 * The `Retry-After` header (RFC 9110 §10.2.3) as seconds from now: delta-seconds or an HTTP date; 0 for a date gone by, at most
 * 24 h; null when missing or malformed.
 */
export function parseRetryAfter(value: string | undefined, now: Date): number | null {
  const text = value?.trim();
  if (text === undefined || text === '') return null;
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_SECONDS);
  // Date.parse takes almost anything ("-1" is a year for it); an HTTP date begins with the name of a day.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return null;
  const date = Date.parse(text);
  if (Number.isNaN(date)) return null;
  return Math.min(Math.max(0, Math.ceil((date - now.getTime()) / 1000)), MAX_SECONDS);
}
