/** First and last byte, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** `whole`: send everything (no range, several, an unknown unit, or nonsense). `unsatisfiable`: 416. */
export type RangeAnswer = ByteRange | 'whole' | 'unsatisfiable';

const SINGLE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Reads a `Range` header (RFC 9110 §14.2). A range that cannot be understood is ignored, as the RFC allows; so is a list
 * of ranges, which no product of the field asks for and which would invite costly answers.
 */
export function parseRange(header: string, size: number): RangeAnswer {
  const match = SINGLE.exec(header);
  if (!match) return 'whole';
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') return 'whole';
    const length = Number(to);
    if (length === 0 || size === 0) return 'unsatisfiable';
    return { first: Math.max(0, size - length), last: size - 1 };
  }
  const first = Number(from);
  if (to !== '' && BigInt(to) < BigInt(from)) return 'whole';
  if (first >= size) return 'unsatisfiable';
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
