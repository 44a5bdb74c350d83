import 'reflect-metadata'; // class-transformer reads it when the query is loaded
import { decodeCursor, encodeCursor, toPage, type CursorPart } from './page.js';

const UUID = '0b0c0d0e-0000-4000-8000-000000000001';

describe('pages', () => {
  const rows = [1, 2, 3].map((id) => ({ id }));
  const page = (limit: number): { items: string[]; next: string | null } =>
    toPage(
      rows.slice(0, limit + 1),
      limit,
      ({ id }) => [id],
      ({ id }) => `row ${id}`,
    );

  it('end with a cursor of their last row, but for the last page', () => {
    expect(page(2)).toEqual({ items: ['row 1', 'row 2'], next: encodeCursor([2]) });
    expect(page(3)).toEqual({ items: ['row 1', 'row 2', 'row 3'], next: null });
    expect(toPage([], 3, () => [1], String)).toEqual({ items: [], next: null });
  });
});

describe('cursors', () => {
  it('come back as they were given', () => {
    const key = ['2026-03-02T00:00:00.000Z', UUID];
    expect(decodeCursor(encodeCursor(key), ['time', 'uuid'])).toEqual(key);
    expect(decodeCursor(encodeCursor([12, 'Ä']), 2)).toEqual([12, 'Ä']);
    expect(decodeCursor(undefined, 2)).toBeNull();
  });

  const of = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each<[string, string, number | CursorPart[]]>([
    ['no base64', '%%%', 1],
    ['no JSON', Buffer.from('[1').toString('base64url'), 1],
    ['no list', of({ a: 1 }), 1],
    ['too few parts', of(['a']), 2],
    ['too many parts', of(['a', 'b']), 1],
    ['an object inside', of([{}]), 1],
    ['null inside', of([null]), 1],
    ['a NUL inside', of(['a\0']), 1],
    ['a number beyond all', Buffer.from('[1e999]').toString('base64url'), 1],
    ['no time', of(['yesterday', UUID]), ['time', 'uuid']],
    ['a time in words', of(['March 2, 2026', UUID]), ['time', 'uuid']],
    ['no uuid', of(['2026-03-02T00:00:00Z', 'x']), ['time', 'uuid']],
    ['no whole number', of(['1.5']), ['integer']],
    ['a number that fits nowhere', of(['9'.repeat(30)]), ['integer']],
  ])('that are not ours are refused: %s', (_, cursor, parts) => {
    expect(() => decodeCursor(cursor, parts)).toThrow(
      expect.objectContaining({ kind: 'bad-input', code: 'cursor-invalid' }) as Error,
    );
  });
});
