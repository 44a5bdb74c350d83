import { statSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { CALLS_IN_ONE_TURN } from './durable-directory.js';

export interface BlobFacts {
  /** Bytes. */
  size: number;
  /** How long ago it was written or touched. */
  ageMs: number;
  /** Further names that it has, in published trees. */
  links: number;
}

/** Facts of those of the blobs that are held. */
export async function factsOf(
  sha256s: Iterable<string>,
  store: { pathOf(sha256: string): string },
): Promise<Map<string, BlobFacts>> {
  const facts = new Map<string, BlobFacts>();
  await statEach(sha256s, store, (sha256, stats) => {
    if (stats === undefined) return;
    facts.set(sha256, { size: stats.size, ageMs: Date.now() - stats.mtimeMs, links: stats.nlink - 1 });
  });
  return facts;
}

/** Looks at many blobs; `undefined` for one that is not there. Others have their turn in between. */
export async function statEach(
  sha256s: Iterable<string>,
  store: { pathOf(sha256: string): string },
  seen: (sha256: string, stats: Stats | undefined) => void,
): Promise<void> {
  let done = 0;
  for (const sha256 of sha256s) {
    if (done++ % CALLS_IN_ONE_TURN === 0) await setImmediate();
    seen(sha256, statSync(store.pathOf(sha256), { throwIfNoEntry: false }));
  }
}
