import { inEach, LANGUAGES, sameInAll, type Sentence } from '../../platform/texts/texts.js';

/**
 * What the server says of its own work stands in the columns that have the words of products otherwise, in every language. Nothing
 * that a product says is read like this.
 */
export function writeWords(words: Sentence, longest: number): string {
  return JSON.stringify(inEach((language) => words[language].slice(0, longest).toWellFormed()));
}

/** Records from before have one language. */
export function readWords(kept: string): Sentence {
  try {
    const words = JSON.parse(kept) as Partial<Record<string, unknown>> | null;
    if (LANGUAGES.every((language) => typeof words?.[language] === 'string')) return words as Sentence;
  } catch {
    // No JSON: one of those.
  }
  return sameInAll(kept);
}
