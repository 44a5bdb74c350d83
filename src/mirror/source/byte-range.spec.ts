import { parseRange } from './byte-range.js';

describe('parseRange', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=2-5', { first: 2, last: 5 }],
    ['bytes=2-', { first: 2, last: 9 }],
    ['bytes=9-9', { first: 9, last: 9 }],
    ['bytes=5-999', { first: 5, last: 9 }],
    ['bytes=-3', { first: 7, last: 9 }],
    ['bytes=-999', { first: 0, last: 9 }],
    ['Bytes=1-2', { first: 1, last: 2 }],
    ['bytes= 1-2 ', { first: 1, last: 2 }],
    ['bytes=0-99999999999999999999999', { first: 0, last: 9 }],
  ])('honours %s', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=99999999999999999999-', 'bytes=-0'])('cannot satisfy %s', (header) => {
    expect(parseRange(header, 10)).toBe('unsatisfiable');
  });

  it.each([
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=99999999999999999999-9',
    'bytes=a-b',
    'bytes=1',
    'bytes=0-1,3-4',
    'bytes=0x1-2',
    'bytes=1.5-2',
    'bytes=--1',
    'items=0-1',
    'none',
    '',
  ])('ignores %j and sends everything', (header) => {
    expect(parseRange(header, 10)).toBe('whole');
  });

  it('has no satisfiable range in an empty file', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});
