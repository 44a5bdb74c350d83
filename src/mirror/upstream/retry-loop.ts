import { setTimeout as delay } from 'node:timers/promises';
import { toAppError, type AppError } from '../../platform/errors/app-error.js';
import { cancelled, isPassing, isSilence, throwIfCancelled } from './faults.js';
import type { TransferLimits } from './transfer-limits.js';
import type { Patience } from './transfer-watch.js';

/** How far a try came: bytes that the next one need not fetch again. */
export interface Progress {
  kept(): number;
  /** Milliseconds to wait when the source asks to come back later; null: that is not waited for. */
  pauseFor(error: AppError): number | null;
}

/**
 * Tries a file again after faults that may pass: `tries` times in all, with growing pauses; after silence once at most and only while
 * there is patience left; after a request to come back later once, if it may be waited for. A try that brought the file further does not count, up to `maxResumes`.
 */
export async function withRetries<T>(
  limits: TransferLimits,
  signal: AbortSignal | undefined,
  progress: Progress,
  attempt: (patience: Patience) => Promise<T>,
): Promise<T> {
  const patience: Patience = { healthyAt: performance.now() };
  let counted = 0;
  let resumes = 0;
  let silences = 0;
  let waited = false;
  for (;;) {
    throwIfCancelled(signal);
    const before = progress.kept();
    try {
      return await attempt(patience);
    } catch (thrown) {
      const error = toAppError(thrown);
      const pauseMs = waited ? null : progress.pauseFor(error);
      if (pauseMs !== null) {
        waited = true;
        await rest(pauseMs + limits.backoffMs * Math.random(), signal);
        continue;
      }
      if (!isPassing(error)) throw error;
      if (isSilence(error)) {
        silences += 1;
        if (silences > 1 || outOfPatience(limits, patience)) throw error;
      }
      if (progress.kept() > before && resumes < limits.maxResumes) resumes += 1;
      else counted += 1;
      if (counted >= limits.tries) throw withTries(error, counted + resumes);
      await rest(limits.backoffMs * 2 ** Math.max(0, counted - 1) * (0.5 + Math.random()), signal);
    }
  }
}

function outOfPatience(limits: TransferLimits, patience: Patience): boolean {
  return performance.now() - patience.healthyAt > limits.noProgressMs / 2;
}

function withTries(error: AppError, tries: number): AppError {
  error.details['tries'] = tries;
  return error;
}

async function rest(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    throw cancelled();
  }
}
