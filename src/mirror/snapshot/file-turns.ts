import { type AppError, toAppError } from '../../platform/errors/app-error.js';

type Turn<T> = { content: T } | { fault: AppError };

/** Entries may name the same file: one at a time fetches it, and the others take what came of that. */
export class FileTurns<T> {
  private readonly last = new Map<string, Promise<Turn<T>>>();

  /**
   * @param fetch fetches the file, or takes what came with the turn before
   * @throws what the turn before threw, unless it was called off with its group.
   */
  async take(key: string, fetch: (before: T | null) => Promise<T>): Promise<T> {
    const before = this.last.get(key);
    const turn = this.next(before, fetch);
    this.last.set(
      key,
      turn.then(
        (content) => ({ content }),
        (thrown: unknown) => ({ fault: toAppError(thrown) }),
      ),
    );
    return turn;
  }

  private async next(last: Promise<Turn<T>> | undefined, fetch: (before: T | null) => Promise<T>): Promise<T> {
    const before = await last;
    if (before === undefined) return fetch(null);
    if ('content' in before) return fetch(before.content);
    if (before.fault.code === 'cancelled') return fetch(null);
    throw before.fault;
  }
}
