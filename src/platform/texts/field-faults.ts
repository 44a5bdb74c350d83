import { en } from './texts.en.js';
import { sameInAll, type Sentence, text, type TextKey } from './texts.js';

type Pattern = [key: TextKey, words: RegExp];

/** `{{property}} must be an array` → what it is said of, and the words around it. */
function patternOf(key: TextKey): Pattern {
  const escaped = en[key].replace(/[.*+?^$()|[\]\\]|(?<!\{)\{(?!\{)|(?<!\})\}(?!\})/g, '\\$&');
  return [key, new RegExp(`^${escaped.replace(/\{\{(\w+)\}\}/g, '(?<$1>.*?)')}$`, 's')];
}

const EACH: TextKey = 'field.each';
const [, EACH_WORDS] = patternOf(EACH);
/** Longer texts first: what they say more must not be taken for a value. */
const PATTERNS = (Object.keys(en) as TextKey[])
  .filter((key) => key.startsWith('field.') && key !== EACH)
  .sort((a, b) => en[b].length - en[a].length)
  .map(patternOf);

/**
 * What class-validator says of a field, in every language: it has English words only, and leaves nothing else to tell the limits by.
 * What the catalogue does not know stays English.
 */
export function fieldFault(english: string): Sentence {
  const each = EACH_WORDS.exec(english)?.groups?.['property'];
  for (const [key, words] of PATTERNS) {
    const values = words.exec(each ?? english)?.groups;
    if (values === undefined) continue;
    const { property } = values;
    const ja = text('ja', key, each === undefined ? values : { ...values, property: text('ja', EACH, { property }) });
    return { ja, en: english };
  }
  return sameInAll(english);
}
