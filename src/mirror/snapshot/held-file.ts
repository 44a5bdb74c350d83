/** A file that a channel serves, as it stands in the index of a snapshot. */
export interface HeldFile {
  /** Spelling of the manifest. */
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** ISO 8601: when the source last changed it, else when we first had it. */
  mtime: string;
  component: string | null;
}

/** `index.json` of a published snapshot: all that serving needs. */
export interface SnapshotIndex {
  version: 1;
  snapshot: string;
  channel: string;
  publishedAt: string;
  files: HeldFile[];
}

export const MANIFEST_PATH = 'server.ini';

/** Files by lower-cased path: letter case never tells two files apart. */
export type FileMap = Map<string, HeldFile>;

export function fileMap(files: Iterable<HeldFile>): FileMap {
  return new Map([...files].map((file) => [file.path.toLowerCase(), file]));
}
