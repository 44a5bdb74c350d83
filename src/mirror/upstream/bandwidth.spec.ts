import fc from 'fast-check';
import { Bandwidth } from './bandwidth.js';

describe('the bandwidth limit', () => {
  let now = 0;
  const limited = (bytesPerSecond: number): Bandwidth => {
    now = 0;
    return new Bandwidth(bytesPerSecond, () => now);
  };

  it('costs nothing when there is none', () => {
    expect(new Bandwidth().take(1e9)).toBeUndefined();
    expect(limited(0).spend(1e9)).toBe(0);
  });

  it('lets the transfers wait for what they have together', () => {
    const bandwidth = limited(1000);
    expect(bandwidth.spend(1000)).toBe(1000);
    // A second transfer comes before the first one's debt is paid.
    expect(bandwidth.spend(500)).toBe(1500);
    now = 1500;
    expect(bandwidth.spend(100)).toBe(100);
  });

  it('saves up a quarter of a second and no more', () => {
    const bandwidth = limited(1000);
    now = 60_000;
    expect(bandwidth.spend(250)).toBe(0);
    expect(bandwidth.spend(1)).toBe(1);
  });

  it('can be changed and lifted on the way', () => {
    const bandwidth = limited(1000);
    bandwidth.spend(5000);
    bandwidth.setLimit(2000);
    expect(bandwidth.spend(1000)).toBe(500);
    bandwidth.setLimit(0);
    expect(bandwidth.spend(1e9)).toBe(0);
  });

  it("that is changed ends the waits that were reckoned with the one before, and nobody else's", async () => {
    const bandwidth = new Bandwidth(1);
    const waiting = bandwidth.take(1_000_000);
    bandwidth.setLimit(1);
    expect(await Promise.race([waiting, Promise.resolve('still waiting')])).toBe('still waiting');
    bandwidth.setLimit(0);
    await waiting;
    bandwidth.setLimit(1);
    const cancel = new AbortController();
    const cancelled = bandwidth.take(1_000_000, cancel.signal);
    cancel.abort();
    await expect(cancelled).rejects.toThrow();
  });

  it('never lets more pass than the limit and the burst, whatever comes', () => {
    const steps = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 65_536 }), idleMs: fc.integer({ min: 0, max: 500 }) }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(steps, (transfers) => {
        const bandwidth = limited(50_000);
        let passed = 0;
        for (const { bytes, idleMs } of transfers) {
          now += idleMs;
          // The caller waits as it is told before it reads on.
          now += bandwidth.spend(bytes);
          passed += bytes;
        }
        expect(passed).toBeLessThanOrEqual(50_000 * (now / 1000) + 12_500);
      }),
    );
  });
});
