import { AppError } from '../../platform/errors/app-error.js';
import { isAboutSource } from './faults.js';

/**
 * Circuit breaker of one source. A hanging source costs most of a minute per file; with hundreds of files a run would last for hours.
 * After `giveUpAfterFiles` files that ended by a fault of the source, or one request to pause, everything further fails at once
 * with the same code until `reset()`.
 */
export class SourceHealth {
  #files = 0;
  #givenUp: AppError | null = null;

  constructor(private readonly giveUpAfterFiles: number) {}

  /** Throws what the source was given up for. */
  check(): void {
    if (this.#givenUp === null) return;
    const { kind, code, message, details } = this.#givenUp;
    throw new AppError(kind, code, message, { details: { ...details, givenUp: true }, cause: this.#givenUp });
  }

  /** Takes note of how a file ended, after all its tries. */
  failed(error: AppError): void {
    if (error.code === 'upstream-busy') this.#givenUp ??= error;
    if (!isAboutSource(error)) return;
    this.#files += 1;
    if (this.#files >= this.giveUpAfterFiles) this.#givenUp ??= error;
  }

  reset(): void {
    this.#files = 0;
    this.#givenUp = null;
  }
}
