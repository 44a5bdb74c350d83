import { en } from './texts.en.js';
import { ja } from './texts.ja.js';
import { isTextKey, text, texts, type TextKey } from './texts.js';

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

  it('know their keys', () => {
    expect(isTextKey('event.none')).toBe(true);
    expect(isTextKey('event.never')).toBe(false);
  });
});
