import { AppError } from '../../platform/errors/app-error.js';
import type { BlobStore } from '../store/blob-store.js';
import type { FetchedBlob, NotModified, SmallRequest, UpstreamSource } from './source.js';

/** `UpstreamSource.fetchOptional` for a source that can fetch small files: stored, unchanged, or null when there is none. */
export async function fetchOptional(
  source: Pick<UpstreamSource, 'fetchSmall'>,
  store: BlobStore,
  path: string,
  request: SmallRequest,
): Promise<FetchedBlob | NotModified | null> {
  try {
    const result = await source.fetchSmall(path, request);
    if (result.status === 'not-modified') return result;
    const { body, ...validators } = result;
    return { ...validators, ...(await store.write([body], request, request.signal)) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'upstream-not-found') return null;
    throw error;
  }
}
