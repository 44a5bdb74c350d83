import { productText } from './product-text.js';

describe('a text of a product', () => {
  it('is kept as it is', () => {
    expect(productText('失敗 😀', 10)).toBe('失敗 😀');
  });

  it('loses what no database keeps', () => {
    expect(productText('a\0b\ud83dc', 10)).toBe('ab\ufffdc');
  });

  it('is never cut through a character', () => {
    expect(productText('abc😀', 4)).toBe('abc');
    expect(productText('abc😀', 5)).toBe('abc😀');
    expect(productText('abcdef', 4)).toBe('abcd');
  });
});
