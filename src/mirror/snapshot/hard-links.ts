import { linkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { BlobStore } from '../store/blob-store.js';
import { CALLS_IN_ONE_TURN } from '../store/durable-directory.js';
import type { HeldFile } from './held-file.js';

/** Makes a name for the content of each file; the folders are there. False when contents are lost, and their names were left out. */
export async function linkAll(
  blobs: Pick<BlobStore, 'has' | 'pathOf'>,
  files: readonly HeldFile[],
  pathOf: (file: HeldFile) => string,
): Promise<boolean> {
  let whole = true;
  for (const [done, file] of files.entries()) {
    if (done % CALLS_IN_ONE_TURN === 0) await setImmediate();
    try {
      linkSync(blobs.pathOf(file.sha256), pathOf(file));
    } catch (fault) {
      // Content that was lost earlier is left out until `relink`; it must not hold up the rest.
      if ((fault as NodeJS.ErrnoException).code !== 'ENOENT' || (await blobs.has(file.sha256))) throw fault;
      whole = false;
    }
  }
  return whole;
}
