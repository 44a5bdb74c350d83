import i18next, { type i18n } from 'i18next';
import { en } from './texts.en.js';
import { ja } from './texts.ja.js';

export const LANGUAGES = ['ja', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Every text a person reads from the server stands in one catalogue; a key that is missing in one language fails the build. */
export type TextKey = keyof typeof en;
/** What follows the prefix in the keys that have it. */
export type KeyUnder<Prefix extends string, Key = TextKey> = Key extends `${Prefix}${infer Rest}` ? Rest : never;

/** Says a text in the one language of whoever listens. */
export type Say = (key: TextKey, values?: Record<string, unknown>) => string;

/** One text in every language. */
export type Sentence = Record<Language, string>;

const catalogue: i18n = i18next.createInstance();
void catalogue.init({
  resources: { en: { translation: en }, ja: { translation: ja satisfies Record<TextKey, string> } },
  fallbackLng: 'en',
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  initAsync: false,
});

/** A value that is a text of several languages is said in this one; the members of a list are told one after the other. */
export function text(language: Language, key: TextKey, values: Record<string, unknown> = {}): string {
  const said = Object.entries(values).map(([name, value]) => [name, inLanguage(language, value)]);
  return catalogue.t(key, { lng: language, replace: Object.fromEntries(said) as Record<string, unknown> });
}

function inLanguage(language: Language, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => inLanguage(language, each)).join(', ');
  return isSentence(value) ? value[language] : value;
}

function isSentence(value: unknown): value is Sentence {
  return typeof value === 'object' && value !== null && LANGUAGES.every((language) => language in value);
}

/** Both languages at once, as the API gives them. */
export function texts(key: TextKey, values: (language: Language) => Record<string, unknown> = () => ({})): Sentence {
  return inEach((language) => text(language, key, values(language)));
}

/** Each is said when it is first read: of most sentences one language is. */
export function inEach(say: (language: Language) => string): Sentence {
  const said: Partial<Sentence> = {};
  const once = (language: Language): string => (said[language] ??= say(language));
  return {
    get ja() {
      return once('ja');
    },
    get en() {
      return once('en');
    },
  };
}

/** Words that we have in one language only, such as those of a library. */
export function sameInAll(words: string): Sentence {
  return inEach(() => words);
}

export function isTextKey(key: string): key is TextKey {
  return key in en;
}

/** Half a sentence that says why, for the sentence of an error (`{{why}}`). */
export function reason(key: KeyUnder<'reason.'>, values: Record<string, unknown> = {}): Sentence {
  return texts(`reason.${key}`, () => values);
}
