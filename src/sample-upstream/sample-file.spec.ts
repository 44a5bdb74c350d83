import { ContentCache } from './sample-file.js';

describe('content cache', () => {
  it('forgets what was used least recently when it holds more than its budget', () => {
    const made: string[] = [];
    const cache = new ContentCache(250);
    const get = (key: string): Buffer =>
      cache.get(key, () => {
        made.push(key);
        return Buffer.alloc(100);
      });
    get('a');
    get('b');
    get('a'); // now b is the oldest
    get('c'); // b goes
    get('a');
    get('b');
    expect(made).toEqual(['a', 'b', 'c', 'b']);
  });

  it('hands out content that is larger than the whole budget', () => {
    const cache = new ContentCache(10);
    expect(cache.get('big', () => Buffer.alloc(100))).toHaveLength(100);
  });
});
