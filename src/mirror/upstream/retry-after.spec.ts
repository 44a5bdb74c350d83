import { parseRetryAfter } from './retry-after.js';

describe('Retry-After', () => {
  const now = new Date('2026-03-03T04:05:06Z');

  it.each([
    ['0', 0],
    ['120', 120],
    [' 7 ', 7],
    ['86401', 86_400],
    ['99999999999999999999', 86_400],
    ['Tue, 03 Mar 2026 04:06:06 GMT', 60],
    ['Tuesday, 03-Mar-26 04:06:06 GMT', 60],
    ['Tue Mar  3 04:06:06 2026 GMT', 60],
    ['Tue, 03 Mar 2026 04:05:00 GMT', 0],
    ['Fri, 03 Mar 2028 04:05:00 GMT', 86_400],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['2026-03-03', null],
    ['Tue, 99 Foo', null],
    [undefined, null],
  ])('%j means %j seconds', (value, seconds) => {
    expect(parseRetryAfter(value, now)).toBe(seconds);
  });
});
