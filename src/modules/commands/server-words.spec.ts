import { readWords, writeWords } from './server-words.js';

describe('what the server says of its own work', () => {
  it('is kept in every language, each cut to its measure and never through a character', () => {
    expect(readWords(writeWords({ ja: '長い文です', en: 'abcd' }, 3))).toEqual({ ja: '長い文', en: 'abc' });
    expect(readWords(writeWords({ ja: '😀😀', en: 'x' }, 3)).ja.isWellFormed()).toBe(true);
  });

  it.each(['The disk is full.', '{"ja":"x"}', 'null', '17', '{"ja":1,"en":"x"}'])(
    'is %s in every language, where a record of before has nothing else',
    (kept) => expect(readWords(kept)).toEqual({ ja: kept, en: kept }),
  );
});
