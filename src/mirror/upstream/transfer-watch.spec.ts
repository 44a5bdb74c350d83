import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../../test/support/until.js';
import { DEFAULT_LIMITS } from './transfer-limits.js';
import { TransferWatch, type Patience, type SourcePace } from './transfer-watch.js';

describe('the watch of a transfer', () => {
  let now: number;
  let patience: Patience;
  let pace: SourcePace;
  let watch: TransferWatch;
  beforeEach(() => {
    now = 0;
    patience = { healthyAt: 0 };
    pace = { receivedBytes: 0 };
    watch = new TransferWatch(DEFAULT_LIMITS, patience, pace, undefined, () => now);
  });
  afterEach(() => watch.close());

  const after = (seconds: number): string | null => {
    now += seconds * 1000;
    watch.check();
    return watch.verdict;
  };
  const chunk = (bytes: number): void => {
    watch.received(bytes);
    watch.waiting();
  };

  it('waits 30 s for connection and head', () => {
    expect(after(30)).toBeNull();
    expect(after(1)).toBe('headers');
    expect(watch.signal.aborted).toBe(true);
  });

  it('bears 20 s of silence in a body', () => {
    watch.startBody();
    expect(after(20)).toBeNull();
    expect(after(1)).toBe('idle');
  });

  it('ends a drip after 20 s', () => {
    watch.startBody();
    for (let second = 0; second < 20; second += 1) {
      expect(after(1)).toBeNull();
      chunk(1000);
    }
    expect(after(1)).toBe('slow');
  });

  it('bears what is just fast enough for hours, while the source as a whole is', () => {
    watch.startBody();
    for (let second = 0; second < 7200; second += 1) {
      expect(after(1)).toBeNull();
      chunk(1100);
      pace.receivedBytes += 16 * 1024;
    }
    expect(watch.totalBytes).toBe(7200 * 1100);
  });

  it('ends what is just fast enough after a minute when the source as a whole is slow, and leaves no patience', () => {
    watch.startBody();
    for (let second = 0; second < 60; second += 1) {
      expect(after(1)).toBeNull();
      chunk(1100);
      pace.receivedBytes += 10_000;
    }
    expect(after(1)).toBe('slow');
    expect(now - patience.healthyAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('looks at the source anew after each minute in which it was fast enough', () => {
    watch.startBody();
    for (let second = 0; second < 119; second += 1) {
      expect(after(1)).toBeNull();
      chunk(1100);
      if (second === 58) pace.receivedBytes += 60 * 16 * 1024;
    }
    expect(after(1)).toBeNull();
    chunk(1100);
    expect(after(1)).toBe('slow');
  });

  it('does not count the time that is ours', () => {
    watch.startBody();
    expect(after(1)).toBeNull();
    watch.received(10);
    expect(after(3600)).toBeNull();
    watch.waiting();
    expect(after(18)).toBeNull();
    expect(after(2)).toBe('slow');
  });

  it('ends a file that got nowhere in 50 s over all its tries', () => {
    expect(after(29)).toBeNull();
    watch.close();
    watch = new TransferWatch(DEFAULT_LIMITS, patience, pace, undefined, () => now);
    expect(after(20)).toBeNull();
    expect(after(2)).toBe('no-progress');
  });

  it('starts patience anew with every window of decent speed', () => {
    expect(after(29)).toBeNull();
    watch.startBody();
    chunk(20_480);
    expect(after(20)).toBeNull();
    expect(patience.healthyAt).toBe(29_000);
  });

  it('passes a cancellation on, also one that came before', () => {
    const cancel = new AbortController();
    const outer = new TransferWatch(DEFAULT_LIMITS, patience, pace, cancel.signal, () => now);
    expect(outer.signal.aborted).toBe(false);
    cancel.abort();
    expect(outer.signal.aborted).toBe(true);
    expect(outer.verdict).toBeNull();
    outer.close();
    const late = new TransferWatch(DEFAULT_LIMITS, patience, pace, cancel.signal, () => now);
    expect(late.signal.aborted).toBe(true);
    late.close();
  });
});

it('a process that had no turn for a while does not blame the other side for it', async () => {
  const limits = { ...DEFAULT_LIMITS, idleMs: 200 };
  const watch = new TransferWatch(limits, { healthyAt: performance.now() }, { receivedBytes: 0 }, undefined);
  watch.startBody();
  await sleep(50);
  const end = performance.now() + 500;
  while (performance.now() < end);
  // The tick that is due comes first.
  await sleep(1);
  expect(watch.verdict).toBeNull();
  await until('silence is told all the same', () => watch.verdict === 'idle');
  watch.close();
});
