import { DiskRoom } from './disk-room.js';

const MIB = 1024 * 1024;

describe('the room on the disk', () => {
  const file = (key: string, size: number | null) => ({ key, size });

  it('is promised once to a file that several groups want', () => {
    const room = new DiskRoom(() => 0, [file('a', 10), file('b', 5), file('a', 10), file('c', null)]);
    expect(room.promised).toBe(15);
    expect(room.files).toBe(3);
  });

  it('of files that a group does not want any more is free for others', () => {
    const room = new DiskRoom(() => 10 * MIB, [file('a', 9 * MIB), file('a', 9 * MIB), file('b', MIB)]);
    const watch = (): void => room.watch('unknown')(MIB);
    expect(watch).toThrow(expect.objectContaining({ code: 'disk-full' }));
    room.settled('a');
    expect(room.promised).toBe(10 * MIB);
    room.settled('a');
    room.settled('b');
    expect(room.promised).toBe(0);
    expect(watch).not.toThrow();
    // It is no longer wanted by anybody: told again, it frees nothing of others.
    room.settled('a');
    expect(room.promised).toBe(0);
  });
});
