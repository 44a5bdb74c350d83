import { knownWords } from './known-words.js';
import { sameInAll, type Sentence, text, type TextKey } from './texts.js';

const EACH: TextKey = 'field.each';
const wordsOfEach = knownWords((key) => key === EACH);
const wordsOfFault = knownWords((key) => key.startsWith('field.') && key !== EACH);

/** What class-validator says of a field, in every language. What the catalogue does not know stays English. */
export function fieldFault(english: string): Sentence {
  const each = wordsOfEach(english)?.values['property'];
  const fault = wordsOfFault(each ?? english);
  if (fault === undefined) return sameInAll(english);
  const { key, values } = fault;
  const { property } = values;
  const ja = text('ja', key, each === undefined ? values : { ...values, property: text('ja', EACH, { property }) });
  return { ja, en: english };
}
