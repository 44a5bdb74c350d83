import { setTimeout as delay } from 'node:timers/promises';
import { toAppError, type AppError } from '../../platform/errors/app-error.js';
import { cancelled, isPassing, isSilence, throwIfCancelled } from './faults.js';
import type { TransferLimits } from './transfer-limits.js';
import type { Patience } from './transfer-watch.js';

/** How far a try came: bytes that the next one need not fetch again. */
export interface Progress {
  kept(): number;
}

/**
 * Tries a file again after faults that may pass: `tries` times in all, with growing pauses; after silence once at most and only while
 * there is patience left. A try that brought the file further does not count, up to `maxResumes`.
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
  for (;;) {
    throwIfCancelled(signal);
    const before = progress.kept();
    try {
      return await attempt(patience);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (!isPassing(error)) throw error;
      if (isSilence(error)) {
        silences += 1;
        if (silences > 1 || outOfPatience(limits, patience)) throw error;
      }
      if (progress.kept() > before && resumes < limits.maxResumes) resumes += 1;
      else counted += 1;
      if (counted >= limits.tries) throw withTries(error, counted + resumes);
      await pause(limits.backoffMs * 2 ** Math.max(0, counted - 1), signal);
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

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const jittered = milliseconds * (0.5 + Math.random());
  try {
    await delay(jittered, undefined, { signal });
  } catch {
    throw cancelled();
  }
}
