import { jest } from '@jest/globals';
import { Memory } from './memory.js';

describe('a memory of the database', () => {
  it('lets what came first go first', () => {
    const memory = new Memory<number>(2, { connected: true });
    memory.set('a', 1);
    memory.set('b', 2);
    memory.set('a', 3);
    memory.set('c', 4);
    expect(['a', 'b', 'c'].map((key) => memory.get(key))).toEqual([3, undefined, 4]);
    memory.delete('a');
    expect(memory.get('a')).toBeUndefined();
    memory.clear();
    expect(memory.get('c')).toBeUndefined();
  });

  it('is believed for a minute, and for a moment while changes do not arrive', () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    const changes = { connected: true };
    const memory = new Memory<number>(2, changes);
    memory.set('a', 1);
    const at = (milliseconds: number): number | undefined => {
      now.mockReturnValue(milliseconds);
      return memory.get('a');
    };
    expect([at(59_999), at(60_000)]).toEqual([1, undefined]);
    changes.connected = false;
    expect([at(499), at(500)]).toEqual([1, undefined]);
    now.mockRestore();
  });
});
