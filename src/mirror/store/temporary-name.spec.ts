import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mayBeWriting } from './temporary-name.js';
import { fateOf, thisProcess } from '../../platform/process/process-mark.js';

describe('what a mark tells of its process', () => {
  let deadPid: number;
  beforeAll(async () => {
    const dead = spawn('true');
    await once(dead, 'exit');
    deadPid = dead.pid ?? 0;
  });
  const here = { place: thisProcess.place, token: '00000000' };

  it('is certain in the same host, boot and pid namespace', () => {
    expect(fateOf(thisProcess)).toBe('running');
    expect(fateOf({ ...here, pid: process.ppid })).toBe('running');
    expect(fateOf({ ...here, pid: deadPid })).toBe('gone');
    expect(fateOf({ ...here, pid: process.pid })).toBe('gone');
    expect(fateOf({ ...here, pid: 0 })).toBe('gone');
  });

  it.each([['0123456789ab'], [null], [undefined]])('is nothing where the place is %s', (place) => {
    for (const pid of [deadPid, process.pid, process.ppid]) {
      const elsewhere = { pid, token: '00000000', ...(place === undefined ? {} : { place }) };
      expect(fateOf(elsewhere)).toBe('unknown');
      expect([1_000, 61_000].map((idleMs) => mayBeWriting(elsewhere, idleMs))).toEqual([true, false]);
    }
    expect(mayBeWriting({ ...here, pid: deadPid }, 1_000)).toBe(false);
    expect(mayBeWriting({ ...here, pid: process.ppid }, 61_000)).toBe(true);
  });
});
