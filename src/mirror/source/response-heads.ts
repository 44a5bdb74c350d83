import { extname } from 'node:path';
import type { IndexEntry } from './published-index.js';

/** Header blocks of one file in one snapshot, in the flat form that `writeHead` takes without any further work. */
export interface ResponseHeads {
  readonly ok: readonly string[];
  readonly notModified: readonly string[];
  /** Shared by 206 and 416, which add `Content-Range` and `Content-Length`. */
  readonly partial: readonly string[];
}

const CONTENT_TYPES: Record<string, string> = {
  '.ini': 'text/plain; charset=us-ascii',
  '.zip': 'application/zip',
};

const FROZEN = 'public, max-age=31536000, immutable';
const REVALIDATE = 'no-cache';
const VERSIONED = 'public, max-age=60, must-revalidate';

/**
 * How long a cache in front may keep an answer without asking.
 *
 * Only below a frozen snapshot does a URL promise its content. Elsewhere the manifest is asked for each time, and so is every
 * name that the next release reuses: signatures (`v_239.sig`) and names without a version (`gpl.zip`); an old one beside a new
 * manifest makes products fail. Names that carry their version may be kept for a minute: enough to take the load of a fleet
 * off this server, short enough to mend a replaced file.
 */
export function cacheControl(entry: Pick<IndexEntry, 'path' | 'isManifest'>, frozen: boolean): string {
  if (frozen) return FROZEN;
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
  const versioned = /\d{3}/.test(name) && !/\.(sig|ini|xml)$/i.test(name);
  return versioned && !entry.isManifest ? VERSIONED : REVALIDATE;
}

export function buildHeads(entry: IndexEntry, snapshot: string, frozen: boolean): ResponseHeads {
  const notModified = [
    'ETag',
    entry.etag,
    'Last-Modified',
    entry.lastModified,
    'Cache-Control',
    cacheControl(entry, frozen),
    'X-Haishin-Snapshot',
    snapshot,
  ];
  const partial = [
    ...notModified,
    'Content-Type',
    CONTENT_TYPES[extname(entry.path).toLowerCase()] ?? 'application/octet-stream',
    'Accept-Ranges',
    'bytes',
    'X-Content-Type-Options',
    'nosniff',
  ];
  return { ok: [...partial, 'Content-Length', String(entry.size)], notModified, partial };
}

/** Header blocks by snapshot and file; they vanish with the index that they belong to. */
export class HeadCache {
  private readonly frozen = new WeakMap<object, Map<IndexEntry, ResponseHeads>>();
  private readonly current = new WeakMap<object, Map<IndexEntry, ResponseHeads>>();

  get(index: { readonly snapshot: string }, entry: IndexEntry, frozen: boolean): ResponseHeads {
    const byIndex = frozen ? this.frozen : this.current;
    let byEntry = byIndex.get(index);
    if (!byEntry) byIndex.set(index, (byEntry = new Map<IndexEntry, ResponseHeads>()));
    let heads = byEntry.get(entry);
    if (!heads) byEntry.set(entry, (heads = buildHeads(entry, index.snapshot, frozen)));
    return heads;
  }
}
