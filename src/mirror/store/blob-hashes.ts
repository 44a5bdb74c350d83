import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { readChunks } from './blob-writer.js';
import type { SlabPool } from './slab-pool.js';

/** @throws AppError `cancelled`. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AppError('conflict', 'cancelled.transfer');
}

/**
 * Reads a blob once. @returns each hash in lower-case hex.
 * @throws AppError `blob-not-found`, `cancelled`, kind `storage`.
 */
export async function hashesOf<A extends string>(
  path: string,
  algorithms: readonly A[],
  slabs: SlabPool,
  signal?: AbortSignal,
): Promise<Record<A, string>> {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  try {
    const handle = await open(path, 'r');
    try {
      for await (const chunk of readChunks(handle, slabs, signal)) for (const { hash } of hashes) hash.update(chunk);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throwIfCancelled(signal);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new AppError('not-found', 'blob-not-found', {
        details: { sha256: basename(path) },
        cause: error,
      });
    throw toAppError(error);
  }
  return Object.fromEntries(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest('hex')])) as Record<A, string>;
}
