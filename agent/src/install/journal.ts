import { join } from 'node:path';
import { rename, rm } from 'node:fs/promises';
import type { Trigger } from '../state/agent-state.js';
import { readIfThere, syncDirectory, writeFileDurably } from '../files/durable-file.js';

export type Service = 'scan-service' | 'policy-service';

/** Who wants the change, and so who is told how it ended. */
export type Order =
  | { readonly kind: 'deployment' | 'command'; readonly id: string; readonly feedbackHref: string }
  | { readonly kind: 'own'; readonly trigger: Trigger };

export interface JournalItem {
  readonly component: string;
  readonly version: string;
  readonly versionBefore: string | null;
  /** Generation in force before, a directory name; null when nothing was installed. */
  readonly from: string | null;
  readonly to: string;
  /** Id of the event that reports this item, fixed here so that a repeated report is recognised. */
  readonly eventId: string;
}

/**
 * - `staging`: nothing visible has changed; recovery removes what was staged
 * - `flipping`: recovery finishes when every pointer is flipped, else flips all back
 * - `restarting`: the new generation is in force; recovery runs the restart again
 * - `reverting`: recovery goes on reverting
 * - `settling`: decided; only tidying and reporting are left
 */
export type JournalStep = 'staging' | 'flipping' | 'restarting' | 'reverting' | 'settling';

export interface Failure {
  readonly reason: string;
  readonly code: string;
  readonly number: number;
  readonly message: string;
}

export interface Journal {
  readonly formatVersion: 1;
  readonly kind: 'install' | 'rollback';
  readonly step: JournalStep;
  readonly order: Order;
  readonly items: readonly JournalItem[];
  readonly services: readonly Service[];
  readonly startedAt: string;
  readonly failure: Failure | null;
  readonly details: readonly string[];
}

export function newJournal(
  kind: Journal['kind'],
  order: Order,
  items: readonly JournalItem[],
  services: readonly Service[],
  step: Journal['step'] = 'staging',
): Journal {
  const startedAt = new Date().toISOString();
  return { formatVersion: 1, kind, step, order, items, services, startedAt, failure: null, details: [] };
}

/** The intent on disk: what a start after a loss of power has to finish or to undo. */
export class JournalFile {
  readonly #path: string;
  readonly #directory: string;

  constructor(stateDirectory: string) {
    this.#directory = stateDirectory;
    this.#path = join(stateDirectory, 'journal.json');
  }

  /** `damaged`: what stands there cannot be followed, being cut off or of another version. */
  async read(): Promise<Journal | 'damaged' | null> {
    const text = await readIfThere(this.#path);
    if (text === null) return null;
    try {
      const journal = JSON.parse(text) as Journal;
      return journal.formatVersion === 1 ? journal : 'damaged';
    } catch {
      return 'damaged';
    }
  }

  async write(journal: Journal): Promise<void> {
    await writeFileDurably(this.#path, `${JSON.stringify(journal)}\n`);
  }

  /** Keeps a damaged one for whoever wants to know, out of the way. */
  async putAside(): Promise<void> {
    await rename(this.#path, `${this.#path}.damaged`);
    await syncDirectory(this.#directory);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
    await syncDirectory(this.#directory);
  }
}
