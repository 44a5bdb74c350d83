import { en } from './texts.en.js';
import type { TextKey } from './texts.js';

/** A text of the catalogue with what is filled in. */
export interface KnownWords {
  key: TextKey;
  values: Record<string, string>;
}

/** `{{property}} must be an array` → what it is said of, and the words around it. */
function patternOf(key: TextKey): RegExp {
  const escaped = en[key].replace(/[.*+?^$()|[\]\\]|(?<!\{)\{(?!\{)|(?<!\})\}(?!\})/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\{\{(\w+)\}\}/g, '(?<$1>.*?)')}$`, 's');
}

/**
 * Libraries have English words only, and leave nothing else to tell what is filled in. Returns what finds the text of the catalogue
 * that such words are, among those that are asked for.
 */
export function knownWords(isAskedFor: (key: TextKey) => boolean): (english: string) => KnownWords | undefined {
  // Longer texts first: what they say more must not be taken for a value.
  const patterns = (Object.keys(en) as TextKey[])
    .filter(isAskedFor)
    .sort((a, b) => en[b].length - en[a].length)
    .map((key) => ({ key, words: patternOf(key) }));
  return (english) => {
    for (const { key, words } of patterns) {
      const found = words.exec(english);
      if (found !== null) return { key, values: { ...found.groups } };
    }
    return undefined;
  };
}
