import { askingInterval } from './asking-interval.js';

describe('the interval at which a product asks', () => {
  const created = new Date('2026-01-01T00:00:00Z');
  const after = (minutes: number): Date => new Date(created.getTime() + minutes * 60_000);

  it('is short in the first hour, then the default', () => {
    expect(askingInterval(undefined, created, after(0))).toBe(30);
    expect(askingInterval(900, created, after(59))).toBe(30);
    expect(askingInterval(900, created, after(60))).toBe(900);
  });

  it('is what somebody chose, from the first poll on', () => {
    expect(askingInterval(3600, created, after(1))).toBe(3600);
    expect(askingInterval(60, created, after(1))).toBe(60);
  });
});
