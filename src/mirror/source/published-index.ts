import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../snapshot/channel.js';
import type { HeldFile } from '../snapshot/held-file.js';
import { indexMissing, parseIndex, type IndexPlace } from '../snapshot/snapshot-index.js';

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
    throw indexMissing({ channel, snapshot, file }, error);
  }
  return parsePublishedIndex(text, { dataDir, channel, snapshot, file, known });
}

interface PublishedPlace extends IndexPlace {
  dataDir: string;
  known?: EntryLookup | undefined;
}

/** The pure half of {@link loadPublishedIndex}. */
function parsePublishedIndex(text: string, place: PublishedPlace): PublishedIndex {
  const { publishedAt, files } = parseIndex(text, place);
  const entries = new Map<string, IndexEntry>();
  for (const file of files) {
    const key = file.path.toLowerCase();
    entries.set(key, knownEntry(file, place.known?.(key)) ?? toEntry(file, place.dataDir));
  }
  return Object.freeze({
    channel: place.channel,
    snapshot: place.snapshot,
    publishedAt,
    publishedAtMs: Date.parse(publishedAt),
    entries,
  });
}

/** HTTP dates have whole seconds; comparisons must be made on what the client was told. */
function lastModifiedOf(file: HeldFile): number {
  return Math.floor(Date.parse(file.mtime) / 1000) * 1000;
}

function toEntry(file: HeldFile, dataDir: string): IndexEntry {
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

function componentOf(file: HeldFile): string | null {
  return typeof file.component === 'string' ? file.component : null;
}

function knownEntry(file: HeldFile, candidates: Iterable<IndexEntry | undefined> = []): IndexEntry | undefined {
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
