import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../platform/files/durable-directory.js';

/**
 * A link or a look at a file takes a hundredth of a millisecond, a trip through the thread pool ten times that: many of them are
 * made without it, this many before others have their turn.
 */
export const CALLS_IN_ONE_TURN = 64;

/** Makes those of the directories that are missing, durably. The parent must exist. */
export async function makeDirectories(parent: string, names: readonly string[]): Promise<void> {
  const present = new Set(await readdir(parent));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  await Promise.all(missing.map((name) => mkdir(join(parent, name), { recursive: true })));
  await syncDirectory(parent);
}
