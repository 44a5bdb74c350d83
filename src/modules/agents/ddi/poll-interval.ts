import { hash } from 'node:crypto';

const LONGEST_SECONDS = 24 * 3600 - 1;
/** Polls of a fleet that was switched on in one minute drift apart by so much of their interval, both ways. */
const SPREAD = 0.1;

/**
 * `HH:MM:SS`, the interval moved by up to 10 % either way. The same for a product at every poll, so that its answer keeps its
 * ETag.
 */
export function sleepText(pollSeconds: number, controllerId: string): string {
  const share = Number.parseInt(hash('md5', controllerId).slice(0, 6), 16) / 0xff_ffff;
  const seconds = Math.min(Math.round(pollSeconds * (1 + SPREAD * (2 * share - 1))), LONGEST_SECONDS);
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
