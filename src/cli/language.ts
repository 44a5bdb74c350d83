import { processEnvironment } from '../config/config.js';
import { isTextKey, type Language, text, type TextKey } from '../platform/texts/texts.js';

/** What POSIX says of the terminal's language; the first that is set decides. */
const LOCALE_VARIABLES = ['LC_ALL', 'LC_MESSAGES', 'LANG'];

/** Japanese for a Japanese locale such as `ja_JP.UTF-8`, English for any other. */
export function terminalLanguage(environment = processEnvironment()): Language {
  const locale = LOCALE_VARIABLES.map((name) => environment[name]).find(Boolean) ?? '';
  return /^ja\b|^ja_/i.test(locale) ? 'ja' : 'en';
}

/** A text in the terminal's language. */
export function say(key: TextKey, values: Record<string, unknown> = {}): string {
  return text(terminalLanguage(), key, values);
}

/** A state or another word of the API; as it stands there when the catalogue does not know it. */
export function word(kind: 'state' | 'phase' | 'origin' | 'target', code: string): string {
  const key = `cli.${kind}.${code}`;
  return isTextKey(key) ? say(key) : code;
}

/** In the zone of the terminal, with the name of the zone: `Nov 28, 2026, 11:43:18 PM GMT+9`. */
export function localTime(instant: string | Date): string {
  const format = new Intl.DateTimeFormat(terminalLanguage(), { dateStyle: 'medium', timeStyle: 'long' });
  return format.format(new Date(instant));
}

/** Millions of bytes, as people read sizes: `64.8`. */
export function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
