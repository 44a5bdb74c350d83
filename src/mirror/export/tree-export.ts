import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { BlobStore } from '../store/blob-store.js';
import { MANIFEST_PATH, type SnapshotIndex } from '../snapshot/held-file.js';
import { ExportDirectory, type StagedFile } from './export-directory.js';

export interface ExportRequest {
  index: SnapshotIndex;
  blobs: BlobStore;
  /** Made when it is missing. */
  directory: string;
  signal: AbortSignal;
  onProgress: (doneBytes: number, totalBytes: number) => void;
}

export interface ExportReport {
  snapshot: string;
  channel: string;
  directory: string;
  files: number;
  bytes: number;
  copied: number;
  removed: number;
}

/**
 * Brings a directory to what a snapshot has: an ActiveUpdate tree that can be carried to where no network leads, and be read there as a
 * source. Copies only what differs. The manifest goes first and comes back last, when everything that it names is in its place: whoever
 * reads in between, or after an interruption, finds no manifest, never a wrong one.
 * @throws AppError `export-directory-foreign`, `export-directory-own`, `export-directory-linked`, `export-content-damaged`,
 *   `cancelled` (before the first change only), kind `storage`.
 */
export async function exportTree(request: ExportRequest): Promise<ExportReport> {
  try {
    const directory = await ExportDirectory.open(request.directory, request.blobs.rootDir);
    try {
      return await bringUpToDate(directory, request);
    } finally {
      await directory.clear();
    }
  } catch (fault) {
    if (request.signal.aborted) throw new AppError('conflict', 'cancelled.export');
    throw toAppError(fault);
  }
}

async function bringUpToDate(
  directory: ExportDirectory,
  { index, blobs, signal, onProgress }: ExportRequest,
): Promise<ExportReport> {
  const { snapshot, channel, files } = index;
  const manifest = files.find(({ path }) => path === MANIFEST_PATH);
  if (manifest === undefined) throw new AppError('internal', 'internal.no-manifest');
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const options = { signal, onBytes: (count: number): void => onProgress((done += count), bytes) };
  const copies: StagedFile[] = [];
  for (const file of files) {
    if (file === manifest) continue;
    if (await directory.holds(file, signal)) options.onBytes(file.size);
    else copies.push(await directory.stage(file, blobs.pathOf(file.sha256), options));
  }
  const sums = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const stale = [...directory.listed.keys()].filter((path) => !sums.has(path));
  const report = { snapshot, channel, directory: directory.root, files: files.length, bytes };
  if (copies.length === 0 && stale.length === 0 && (await directory.holds(manifest, signal)))
    return { ...report, copied: 0, removed: 0 };
  await directory.requireReachable([...sums.keys(), ...stale]);
  // Last of all that may fail or be cancelled.
  copies.push(await directory.stage(manifest, blobs.pathOf(manifest.sha256), options));
  await directory.list(new Map([...directory.listed, ...sums]));
  await directory.remove(MANIFEST_PATH);
  for (const path of stale) await directory.remove(path);
  for (const file of copies) await directory.place(file);
  await directory.list(sums);
  return { ...report, copied: copies.length, removed: stale.length };
}
