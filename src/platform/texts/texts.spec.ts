import { en } from './texts.en.js';
import { ja } from './texts.ja.js';
import { inEach, isTextKey, text, texts, type TextKey } from './texts.js';

const keys = Object.keys(en) as TextKey[];
const places = (value: string): string[] => [...value.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').sort();

describe('texts', () => {
  it('stand in both languages', () => {
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
    for (const key of keys) expect(ja[key]).not.toBe('');
  });

  it.each(keys)('%s says the same things in both', (key) => {
    expect([...new Set(places(ja[key]))]).toEqual([...new Set(places(en[key]))]);
  });

  it('take values as they are, whatever stands in them', () => {
    const values = { component: '<b>$t(event.none) {{version}}</b>', version: '1.2.3', current: '', reason: '' };
    expect(text('en', 'event.manual.updated', values)).toBe(
      'Manual update: <b>$t(event.none) {{version}}</b> 1.2.3 was downloaded and published.',
    );
  });

  it('come in both languages at once', () => {
    expect(texts('event.none', () => ({}))).toEqual({ ja: ja['event.none'], en: en['event.none'] });
  });

  it('are said in a language when somebody reads it, and once', () => {
    const said: string[] = [];
    const sentence = inEach((language) => (said.push(language), language));
    expect([sentence.ja, sentence.ja]).toEqual(['ja', 'ja']);
    expect(said).toEqual(['ja']);
    expect(JSON.stringify(sentence)).toBe('{"ja":"ja","en":"en"}');
  });

  it('say a value that is a text itself in the same language, and the members of a list one after the other', () => {
    const why = { en: 'it is empty', ja: '空です' };
    expect(texts('error.path-unsafe', () => ({ path: ['a', 'b'], why }))).toEqual({
      en: 'The path a, b is refused: it is empty.',
      ja: 'パス a, b は受け付けられません: 空です。',
    });
  });

  it('know their keys', () => {
    expect(isTextKey('event.none')).toBe(true);
    expect(isTextKey('event.never')).toBe(false);
  });
});

describe('the texts of errors', () => {
  const errors = keys.filter((key) => key.startsWith('error.'));

  // A path, a command or the words of somebody else may stand at the end.
  it.each(errors)('%s is a sentence', (key) => {
    expect(en[key]).toMatch(/([.?]|\}\}\)?)$/s);
    expect(ja[key]).toMatch(/(。|\}\}\)?)$/s);
    expect(ja[key]).not.toBe(en[key]);
  });

  it('have reasons that stand in the middle of them', () => {
    for (const key of keys.filter((each) => each.startsWith('reason.'))) {
      expect(en[key]).not.toMatch(/^[A-Z]|\.$/);
      expect(ja[key]).not.toMatch(/。$/);
    }
  });
});
