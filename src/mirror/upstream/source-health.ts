import { toAppError, type AppError } from '../../platform/errors/app-error.js';
import { isAboutSource, isSilence, refusedWithoutAsking, retryAfterMs } from './faults.js';
import { withRetries, type Progress } from './retry-loop.js';
import type { TransferLimits } from './transfer-limits.js';
import type { Patience } from './transfer-watch.js';

export interface Attendance extends Pick<Progress, 'kept'> {
  /** Whose file it is; undefined: it is of the source as a whole, such as the manifest. */
  component: string | undefined;
  signal: AbortSignal | undefined;
}

/** A file of nobody in particular tells of the source by itself. */
type Owner = string | symbol;

/**
 * Circuit breakers of one source and of its components. A hanging file costs most of a minute; with hundreds of them a run would last
 * for hours. A component one of whose files ended by a fault of the source, or was asked to come back later, is set aside: its further
 * files fail at once with the same code. The others go on until `giveUpAfterComponents` of them have met such faults and nothing came
 * in between: then everything further fails at once, until `reset()` or until a transfer that was under way proves it wrong.
 */
export class SourceHealth {
  readonly #aside = new Map<Owner, AppError>();
  /** Failed in a row. */
  readonly #suspects = new Set<Owner>();
  /** Who was asked to come back later, and when first. Nothing that comes in between speaks against it: it is a request. */
  readonly #busySince = new Map<Owner, number>();
  readonly #silent = new Set<Owner>();
  #deliveredAt = Number.NEGATIVE_INFINITY;
  #givenUp: AppError | null = null;
  /** Whatever still comes of transfers that are under way. */
  #forGood = false;

  constructor(
    private readonly limits: TransferLimits,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /** Throws what the source was given up for, or the component set aside. */
  check(component: string | undefined): void {
    const fault = this.#givenUp ?? (component === undefined ? undefined : this.#aside.get(component));
    if (fault !== undefined) throw refusedWithoutAsking(fault);
  }

  /** All tries of one file, and what they tell of its component and of the source. */
  async attend<T>({ component, signal, kept }: Attendance, attempt: (patience: Patience) => Promise<T>): Promise<T> {
    this.check(component);
    const owner = component ?? Symbol('the source');
    const began = this.monotonicMs();
    let lastBegan = began;
    const pauseFor = (error: AppError): number | null =>
      component === undefined ? null : this.#pauseFor(error, component);
    try {
      const value = await withRetries(this.limits, signal, { kept, pauseFor }, (patience) => {
        lastBegan = this.monotonicMs();
        return attempt(patience);
      });
      this.#delivered();
      return value;
    } catch (thrown) {
      const error = toAppError(thrown);
      // While it is silent for most of a minute others may have come only before the source fell silent altogether.
      this.#failed(error, owner, isSilence(error) ? lastBegan : began);
      throw error;
    }
  }

  reset(): void {
    for (const each of [this.#aside, this.#suspects, this.#busySince, this.#silent]) each.clear();
    this.#givenUp = null;
    this.#forGood = false;
  }

  /**
   * Milliseconds to wait out before a component's file is asked for again. Null when that is more than the component may wait for in
   * all, or another one was asked to come back later, too: then it is not about one file.
   */
  #pauseFor(error: AppError, component: string): number | null {
    const pauseMs = retryAfterMs(error);
    if (pauseMs === null) return null;
    const now = this.monotonicMs();
    const since = this.#busySince.get(component) ?? now;
    this.#busySince.set(component, since);
    return this.#busySince.size === 1 && now + pauseMs <= since + this.limits.longestPauseMs ? pauseMs : null;
  }

  #delivered(): void {
    this.#deliveredAt = this.monotonicMs();
    this.#suspects.clear();
    if (!this.#forGood) this.#givenUp = null;
  }

  #failed(error: AppError, owner: Owner, since: number): void {
    const isBusy = error.code === 'upstream-busy';
    if (!isBusy && !isAboutSource(error)) return;
    this.#aside.set(owner, error);
    if (isBusy) this.#busySince.set(owner, this.#busySince.get(owner) ?? this.monotonicMs());
    else if (this.#deliveredAt <= since) this.#suspects.add(owner);
    if (isSilence(error)) this.#silent.add(owner);
    const { giveUpAfterComponents, giveUpAfterSilences } = this.limits;
    this.#forGood ||=
      (isBusy && typeof owner === 'symbol') ||
      this.#busySince.size >= giveUpAfterComponents ||
      this.#silent.size >= giveUpAfterSilences;
    if (this.#forGood || this.#suspects.size >= giveUpAfterComponents) this.#givenUp ??= error;
  }
}
