import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../platform/errors/app-error.js';
import { type KeyUnder, reason } from '../../platform/texts/texts.js';
import type { Channel } from '../snapshot/channel.js';

/** One published file: everything that an answer needs is worked out once, when the index is loaded. */
export interface IndexEntry {
  /** Path below the base URL, as spelled in the manifest. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Strong entity tag, quotes included. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** HTTP date. */
  readonly lastModified: string;
  /** The same instant in whole seconds, as milliseconds since the epoch. */
  readonly lastModifiedMs: number;
  /** Absolute path of the blob. */
  readonly file: string;
  readonly isManifest: boolean;
  /** Id of the catalogue component, where one claims the file. */
  readonly component: string | null;
}

/** One rendered snapshot of one channel. */
export interface PublishedIndex {
  readonly channel: Channel;
  readonly snapshot: string;
  /** ISO 8601. */
  readonly publishedAt: string;
  readonly publishedAtMs: number;
  /** By lower-cased path. */
  readonly entries: ReadonlyMap<string, IndexEntry>;
}

/** Finds an equal entry that is already in memory, so that snapshots share what did not change. */
export type EntryLookup = (lowerPath: string) => Iterable<IndexEntry | undefined>;

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Reads `<dataDir>/published/<channel>/<snapshot>/index.json`.
 *
 * @throws AppError `published-index-missing` when there is no index, `published-index-corrupt` when it cannot be believed.
 */
export async function loadPublishedIndex(
  dataDir: string,
  channel: Channel,
  snapshot: string,
  known?: EntryLookup,
): Promise<PublishedIndex> {
  const file = join(dataDir, 'published', channel, snapshot, 'index.json');
  let text: string;
  try {
    // Decoded at once: piece by piece, as `readFile` would, takes as long as the parser.
    text = (await readFile(file)).toString();
  } catch (error) {
    throw new AppError('storage', 'published-index-missing', {
      details: { channel, snapshot, file },
      cause: error,
    });
  }
  return parsePublishedIndex(text, { dataDir, channel, snapshot, file, known });
}

interface IndexPlace {
  dataDir: string;
  channel: Channel;
  snapshot: string;
  file: string;
  known?: EntryLookup | undefined;
}

/** Why it cannot be believed, with the values of the text. */
type IndexFault = [what: KeyUnder<'reason.index.'>, values?: Record<string, unknown>];

/** The pure half of {@link loadPublishedIndex}. */
export function parsePublishedIndex(text: string, place: IndexPlace): PublishedIndex {
  const corrupt = (what: IndexFault, cause?: unknown): AppError =>
    new AppError('storage', 'published-index-corrupt', {
      values: { why: reason(`index.${what[0]}`, what[1]) },
      details: { channel: place.channel, snapshot: place.snapshot, file: place.file },
      cause,
    });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw corrupt(['no-json'], error);
  }
  if (!isRecord(document) || document.version !== 1) throw corrupt(['version']);
  if (document.snapshot !== place.snapshot) throw corrupt(['other-snapshot']);
  if (document.channel !== place.channel) throw corrupt(['other-channel']);
  const publishedAtMs = typeof document.publishedAt === 'string' ? Date.parse(document.publishedAt) : Number.NaN;
  if (Number.isNaN(publishedAtMs)) throw corrupt(['no-time']);
  if (!Array.isArray(document.files)) throw corrupt(['no-files']);

  const entries = new Map<string, IndexEntry>();
  for (const file of document.files as unknown[]) {
    const fault = faultOf(file);
    if (fault) throw corrupt(fault);
    const indexed = file as IndexedFile;
    const key = indexed.path.toLowerCase();
    if (entries.has(key)) throw corrupt(['twice', { path: key }]);
    entries.set(key, knownEntry(indexed, place.known?.(key)) ?? toEntry(indexed, place.dataDir));
  }
  return Object.freeze({
    channel: place.channel,
    snapshot: place.snapshot,
    publishedAt: document.publishedAt as string,
    publishedAtMs,
    entries,
  });
}

interface IndexedFile {
  path: string;
  sha256: string;
  size: number;
  mtime: string;
  component: string | null;
}

function faultOf(file: unknown): IndexFault | null {
  if (!isRecord(file)) return ['no-object'];
  const { path, sha256, size, mtime } = file;
  if (typeof path !== 'string' || path === '' || path.startsWith('/')) return ['no-path'];
  if (path.split('/').some((segment) => segment === '..' || segment === '.')) return ['leads-out', { path }];
  if (typeof sha256 !== 'string' || !SHA256.test(sha256)) return ['no-sha', { path }];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return ['no-size', { path }];
  if (typeof mtime !== 'string' || Number.isNaN(Date.parse(mtime))) return ['no-mtime', { path }];
  return null;
}

/** HTTP dates have whole seconds; comparisons must be made on what the client was told. */
function lastModifiedOf(file: IndexedFile): number {
  return Math.floor(Date.parse(file.mtime) / 1000) * 1000;
}

function toEntry(file: IndexedFile, dataDir: string): IndexEntry {
  const lastModifiedMs = lastModifiedOf(file);
  return Object.freeze({
    path: file.path,
    sha256: file.sha256,
    etag: `"${file.sha256}"`,
    size: file.size,
    lastModified: new Date(lastModifiedMs).toUTCString(),
    lastModifiedMs,
    file: join(dataDir, 'blobs', file.sha256.slice(0, 2), file.sha256),
    isManifest: /(^|\/)server\.ini$/i.test(file.path),
    component: componentOf(file),
  });
}

function componentOf(file: IndexedFile): string | null {
  return typeof file.component === 'string' ? file.component : null;
}

function knownEntry(file: IndexedFile, candidates: Iterable<IndexEntry | undefined> = []): IndexEntry | undefined {
  const lastModifiedMs = lastModifiedOf(file);
  for (const other of candidates)
    if (
      other?.sha256 === file.sha256 &&
      other.lastModifiedMs === lastModifiedMs &&
      other.path === file.path &&
      other.size === file.size &&
      other.component === componentOf(file)
    )
      return other;
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
