import { SMALL_FILE_BYTES, SmallFileCache } from './small-file-cache.js';

describe('SmallFileCache', () => {
  it('gives back what it was given', () => {
    const cache = new SmallFileCache(100);
    cache.set('a', Buffer.from('abc'));
    expect(cache.get('a')?.toString()).toBe('abc');
    expect(cache.get('b')).toBeUndefined();
  });

  it('drops what was longest not asked for when the bytes run out', () => {
    const cache = new SmallFileCache(100);
    cache.set('a', Buffer.alloc(40));
    cache.set('b', Buffer.alloc(40));
    cache.get('a');
    cache.set('c', Buffer.alloc(40));
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
    expect(cache.get('c')).toBeDefined();
    expect(cache.size).toBe(80);
  });

  it('counts the same content once', () => {
    const cache = new SmallFileCache(100);
    cache.set('a', Buffer.alloc(40));
    cache.set('a', Buffer.alloc(40));
    expect(cache.size).toBe(40);
  });

  it('does not take large content', () => {
    const cache = new SmallFileCache();
    cache.set('a', Buffer.alloc(SMALL_FILE_BYTES + 1));
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });
});
