import type { Channel } from '../snapshot/channel.js';

/**
 * Why a path was not served: `not-held` = no snapshot has it; `not-published` = the channel has nothing at all yet;
 * `snapshot-gone` = the frozen snapshot is not retained (any more), or does not have the file.
 */
export type MissingKind = 'not-held' | 'not-published' | 'snapshot-gone';

export interface MissingCount {
  readonly channel: Channel;
  /** What was wanted, without its version: `pattern/vsapi`, `engine/ntkd`. */
  readonly key: string;
  /** Lower-cased path of the latest such request. */
  readonly path: string;
  readonly kind: MissingKind;
  readonly count: number;
  /** ISO 8601. */
  readonly lastAt: string;
}

/** Names from the network: neither their number nor their length may be trusted. */
const MAX_KEYS = 1000;
const MAX_PATH = 200;

/** Counts requests for content that is not held, until somebody takes the counts away. */
export class MissingRequests {
  private counts = new Map<string, MissingCount>();

  constructor(private readonly now: () => Date = () => new Date()) {}

  readonly record = (channel: Channel, path: string, kind: MissingKind): void => {
    this.add({
      channel,
      key: missingKey(path),
      path: path.slice(0, MAX_PATH),
      kind,
      count: 1,
      lastAt: this.now().toISOString(),
    });
  };

  /** Also takes counts from content workers. */
  add(count: MissingCount): void {
    let id = `${count.channel} ${count.key}`;
    let merged = count;
    if (!this.counts.has(id) && this.counts.size >= MAX_KEYS) {
      id = `${count.channel} *`;
      merged = { ...count, key: '*' };
    }
    const before = this.counts.get(id);
    // Counts that come back, because they could not be written, are older than what has been counted since.
    const latest = before && before.lastAt > merged.lastAt ? before : merged;
    this.counts.set(id, { ...latest, count: merged.count + (before?.count ?? 0) });
  }

  /** Hands the counts over and begins anew. */
  drain(): MissingCount[] {
    const counts = [...this.counts.values()];
    this.counts = new Map();
    return counts;
  }
}

/** The path up to the first digit of its file name: the same for every version of one component. */
export function missingKey(path: string): string {
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash);
  const stem = name.replace(/\.[^.]*$/, '').replace(/_?\d.*$/, '');
  return (path.slice(0, slash) + (stem || name)).slice(0, MAX_PATH);
}
