import { setTimeout as delay } from 'node:timers/promises';

/** Waits on the monotonic clock; an abort ends the wait early and quietly. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal ? { signal } : {});
  } catch {
    // Aborted: the caller looks at its signal.
  }
}
