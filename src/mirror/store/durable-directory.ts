import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * A link or a look at a file takes a hundredth of a millisecond, a trip through the thread pool ten times that: many of them are
 * made without it, this many before others have their turn.
 */
export const CALLS_IN_ONE_TURN = 64;

/** Makes renames and new names in the directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the directory if it is missing, durably. The parent must exist. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes those of the directories that are missing, durably. The parent must exist. */
export async function makeDirectories(parent: string, names: readonly string[]): Promise<void> {
  const present = new Set(await readdir(parent));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  await Promise.all(missing.map((name) => mkdir(join(parent, name), { recursive: true })));
  await syncDirectory(parent);
}
