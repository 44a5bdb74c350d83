import type { MeasuredMembers } from './zip-member.js';

/** Measurements wait here for their check; small enough to be forgotten about. */
const MAX_FILES = 64;
const MAX_MEMBERS = 1000;

/** What the members of archives unpacked to on their way in, until somebody checks the archive. By SHA-256 of the archive. */
export class MeasuredZips {
  readonly #files = new Map<string, MeasuredMembers>();

  remember(sha256: string, members: MeasuredMembers | null): void {
    if (members === null || members.size > MAX_MEMBERS) return;
    this.#files.set(sha256, members);
    const [oldest] = this.#files.keys();
    if (this.#files.size > MAX_FILES && oldest !== undefined) this.#files.delete(oldest);
  }

  /** Gives them once. */
  take(sha256: string): MeasuredMembers | undefined {
    const members = this.#files.get(sha256);
    this.#files.delete(sha256);
    return members;
  }
}
