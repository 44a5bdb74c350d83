import { AGENTS_DEFAULT } from './agent.settings.js';

/** How long a product is new, and how often it asks meanwhile. */
const NEW_FOR_MS = 3_600_000;
const NEW_SECONDS = 30;

/**
 * Seconds between the polls of a product. Who has just connected a product wants to see it work: unless somebody chose another
 * interval, it asks every 30 s in its first hour. The memory of agents is a minute old at most, so it goes over by itself.
 */
export function askingInterval(ofGroup: number | undefined, createdAt: Date, now: Date): number {
  const seconds = ofGroup ?? AGENTS_DEFAULT.pollIntervalSeconds;
  const isNew = now.getTime() - createdAt.getTime() < NEW_FOR_MS;
  return isNew && seconds === AGENTS_DEFAULT.pollIntervalSeconds ? NEW_SECONDS : seconds;
}
