import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition that another process brings about and gives no event for; fails with its name after a while. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 15_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain: ${what}`);
    await sleep(25);
  }
}
