import { TARGET_STATES } from '../modules/commands/commands.api.js';
import { isTextKey } from '../platform/texts/texts.js';
import { localTime, say, terminalLanguage, word } from './language.js';

describe('the language of the terminal', () => {
  it.each([
    [{}, 'en'],
    [{ LANG: 'ja_JP.UTF-8' }, 'ja'],
    [{ LANG: 'ja' }, 'ja'],
    [{ LANG: 'C.UTF-8' }, 'en'],
    [{ LANG: 'jam_JM.UTF-8' }, 'en'],
    [{ LANG: 'en_GB.UTF-8', LC_MESSAGES: 'ja_JP.UTF-8' }, 'ja'],
    [{ LANG: 'ja_JP.UTF-8', LC_ALL: 'C' }, 'en'],
    [{ LANG: 'ja_JP.UTF-8', LC_ALL: '' }, 'ja'],
  ])('%j: %s', (environment, language) => {
    expect(terminalLanguage(environment)).toBe(language);
  });

  describe.each([
    ['ja_JP.UTF-8', '変更なし', '必要', /^2026\/11\/28 \d+:\d\d:18 \S+/],
    ['en_US.UTF-8', 'unchanged', 'needed', /^Nov 2[89], 2026, \d+:\d\d:18\s[AP]M \S+/],
  ])('%s', (locale, state, needed, time) => {
    const before = { ...process.env };
    beforeAll(() => (process.env['LC_ALL'] = locale));
    afterAll(() => (process.env = before));

    it('decides texts, words and times', () => {
      expect(say('cli.status.needed')).toBe(needed);
      expect(word('state', 'unchanged')).toBe(state);
      expect(word('state', 'a-new-one')).toBe('a-new-one');
      expect(localTime('2026-11-28T14:43:18Z')).toMatch(time);
    });
  });

  it('has a word for every state of a command at a product', () => {
    expect(TARGET_STATES.filter((state) => !isTextKey(`cli.target.${state}`))).toEqual([]);
  });
});
