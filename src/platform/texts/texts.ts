import i18next, { type i18n } from 'i18next';
import { en } from './texts.en.js';
import { ja } from './texts.ja.js';

export const LANGUAGES = ['ja', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Every text a person reads from the server stands in one catalogue; a key that is missing in one language fails the build. */
export type TextKey = keyof typeof en;

const catalogue: i18n = i18next.createInstance();
void catalogue.init({
  resources: { en: { translation: en }, ja: { translation: ja satisfies Record<TextKey, string> } },
  fallbackLng: 'en',
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  initAsync: false,
});

export function text(language: Language, key: TextKey, values: Record<string, unknown> = {}): string {
  return catalogue.t(key, { lng: language, ...values });
}

/** Both languages at once, as the API gives them. */
export function texts(key: TextKey, values: (language: Language) => Record<string, unknown>): Record<Language, string> {
  return { ja: text('ja', key, values('ja')), en: text('en', key, values('en')) };
}

export function isTextKey(key: string): key is TextKey {
  return key in en;
}
