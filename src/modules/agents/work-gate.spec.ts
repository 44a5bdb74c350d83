import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../platform/errors/app-error.js';
import { WorkGate } from './work-gate.js';

describe('the gate before the database', () => {
  it('lets twelve through at once and all of them in the end, in their order', async () => {
    const gate = new WorkGate();
    const begun: number[] = [];
    let inside = 0;
    let most = 0;
    const all = Array.from({ length: 40 }, (_, n) =>
      gate.run(async () => {
        begun.push(n);
        most = Math.max(most, ++inside);
        await delay(1);
        inside -= 1;
        return n;
      }),
    );
    expect(await Promise.all(all)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(begun).toEqual([...begun].sort((a, b) => a - b));
    expect(most).toBe(12);
  });

  it('does nothing for clients that have gone while they waited, and sends those away of which that is not certain', async () => {
    const gate = new WorkGate();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const full = Array.from({ length: 12 }, () => gate.run(() => opened));
    const done: string[] = [];
    const client = { readableEnded: false, destroyed: false };
    const [stays, left, half, before] = [
      { ...client },
      { ...client },
      { ...client },
      { ...client, readableEnded: true },
    ];
    const run = (socket: object, name: string) =>
      gate.runFor(socket as Socket, async () => void done.push(await Promise.resolve(name)));
    const waiting = [run(stays, 'stays'), run(left, 'left'), run(before, 'before')];
    const sentAway = expect(run(half, 'half')).rejects.toMatchObject({ code: 'overloaded' });
    left.destroyed = true;
    half.readableEnded = true;
    open();
    await Promise.all([...full, ...waiting, sentAway]);
    expect(done).toEqual(['stays', 'before']);
  });

  it('a fault of one is its own', async () => {
    const gate = new WorkGate();
    await expect(gate.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(await gate.run(() => Promise.resolve(1))).toBe(1);
  });

  it('sends away whom it cannot queue, with a time to come back', async () => {
    const gate = new WorkGate();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const waiting = Array.from({ length: 25_012 }, () => gate.run(() => opened));
    await delay(0);
    const refused = await gate.run(() => opened).catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({ kind: 'too-many', code: 'overloaded' });
    const { retryAfterSeconds } = (refused as AppError).details as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(5);
    expect(retryAfterSeconds).toBeLessThanOrEqual(30);
    open();
    await Promise.all(waiting);
  });

  it('holds no more than 64 MiB of what they brought, but always one', async () => {
    const gate = new WorkGate();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const first = gate.run(() => opened, 100 * 1024 * 1024);
    await expect(gate.run(() => opened, 1)).rejects.toMatchObject({ code: 'overloaded' });
    open();
    await first;
    expect(await gate.run(() => Promise.resolve('again'), 1)).toBe('again');
  });

  it('refuses whoever is inside already, instead of letting them wait for each other', async () => {
    const gate = new WorkGate();
    await expect(gate.run(() => gate.run(() => Promise.resolve()))).rejects.toMatchObject({ code: 'internal' });
    expect(await gate.run(() => Promise.resolve(1))).toBe(1);
  });
});
