import pLimit from 'p-limit';
import { toAppError } from '../../platform/errors/app-error.js';
import { cancelled, fault, throwIfCancelled } from './faults.js';

/** Node has four threads for files. A share that hangs keeps those that ask it; one is always left to those who serve. */
const THREADS = 3;
const THREADS_OF_A_SHARE = 2;
/** Waiting for a turn behind slow calls of others may last this many times as long as a call itself. */
const WAIT_FACTOR = 3;

export interface Patience {
  /** Longest duration of one call, in milliseconds. */
  ms: number;
  /** For people. */
  url: string;
  signal?: AbortSignal | undefined;
}

const threads = pLimit(THREADS);
const shares = new Map<string, ShareCalls>();

/**
 * Calls into a file system that may hang, such as a mounted share whose server has gone. No such call can be interrupted: it is left
 * behind, and while one is, further ones fail at once instead of taking more threads. One object for each directory in the process, as
 * what hangs outlives the run that asked.
 */
export class ShareCalls {
  readonly #slots = pLimit(THREADS_OF_A_SHARE);
  /** Calls that were left behind for their silence and have not come back. */
  #overdue = 0;
  readonly #queued = new Set<() => void>();

  static of(root: string): ShareCalls {
    const known = shares.get(root) ?? new ShareCalls();
    shares.set(root, known);
    return known;
  }

  /**
   * @param late takes what comes when nobody waits any more
   * @throws AppError `upstream-timeout`, `cancelled`, and whatever `call` throws.
   */
  run<T>(call: () => Promise<T>, patience: Patience, late: (value: T) => void = () => undefined): Promise<T> {
    const { ms, url, signal } = patience;
    return new Promise((resolve, reject) => {
      throwIfCancelled(signal);
      if (this.#overdue > 0) throw silent(url);
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        this.#queued.delete(giveUp);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const giveUp = (): void => end(() => reject(silent(url)));
      const onAbort = (): void => end(() => reject(cancelled()));
      let timer = setTimeout(giveUp, ms * WAIT_FACTOR);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queued.add(giveUp);
      void this.#slots(() =>
        threads(async () => {
          if (over) return;
          this.#queued.delete(giveUp);
          clearTimeout(timer);
          let overdue = false;
          timer = setTimeout(() => {
            overdue = true;
            this.#overdue += 1;
            giveUp();
            for (const each of [...this.#queued]) each();
          }, ms);
          try {
            const value = await call();
            if (over) late(value);
            else end(() => resolve(value));
          } catch (thrown) {
            end(() => reject(toAppError(thrown)));
          } finally {
            if (overdue) this.#overdue -= 1;
          }
        }),
      );
    });
  }
}

function silent(url: string): Error {
  return fault('upstream-timeout.directory', { url, reason: 'timeout' });
}
