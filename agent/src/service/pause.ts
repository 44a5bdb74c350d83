import type { AgentError } from '../errors/agent-error.js';
import { ServerAnswerError } from '../server/ddi-client.js';
import type { CycleResult } from './poll-cycle.js';

/** Longest pause after a failure unless the server names one: a server that is back is noticed within minutes. */
const LONGEST_BACKOFF_SECONDS = 900;
/** Something is open that cannot be done yet: look again at least this often. */
const OPEN_WORK_SECONDS = 60;
const SHORTEST_SECONDS = 0.05;
/** So many contacts in a row may find work at full speed; then a server that offers the same again and again is not chased. */
const BRISK_CONTACTS = 5;

/**
 * Seconds until the next contact; `worked` counts the contacts in a row that found work. `random` in [0, 1) spreads agents: polls by ±10 %, retries between half and all of their
 * pause.
 */
export function pauseAfter(result: CycleResult, intervalSeconds: number, worked: number, random: number): number {
  const interval = Math.max(result.sleepSeconds ?? intervalSeconds, SHORTEST_SECONDS);
  const spread = interval * (0.9 + random * 0.2);
  switch (result.outcome) {
    case 'worked':
      return Math.min(SHORTEST_SECONDS * 2 ** Math.max(worked - BRISK_CONTACTS, 0), spread);
    case 'waiting':
      return Math.min(spread, OPEN_WORK_SECONDS);
    case 'idle':
      return result.held ? SHORTEST_SECONDS + random * SHORTEST_SECONDS : spread;
  }
}

/** Seconds until another try after `failures` failures in a row; `Retry-After` wins. */
export function pauseAfterFailure(error: AgentError, failures: number, baseSeconds: number, random: number): number {
  const asked = error instanceof ServerAnswerError ? error.retryAfterSeconds : null;
  if (asked !== null) return asked * (1 + random * 0.1) + SHORTEST_SECONDS;
  const backoff = Math.min(baseSeconds * 2 ** Math.min(failures - 1, 30), LONGEST_BACKOFF_SECONDS);
  return backoff * (0.5 + random / 2);
}
