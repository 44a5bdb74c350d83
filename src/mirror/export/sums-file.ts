import { pathFault } from '../manifest/manifest-path.js';
import { MANIFEST_PATH } from '../snapshot/held-file.js';

/** In the format of `sha256sum`, so that any host can check an export: `sha256sum -c SHA256SUMS`. */
export const SUMS_FILE = 'SHA256SUMS';

const LINE = /^([0-9a-f]{64}) [ *](.+)$/;

/** @param sums lower-case hex by path */
export function formatSums(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([path, sha256]) => `${sha256}  ${path}\n`).join('');
}

/** What an earlier export put there. The medium may come from anywhere: lines that no export writes are passed over. */
export function parseSums(text: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, sha256, path] = LINE.exec(line) ?? [];
    if (sha256 === undefined || path === undefined) continue;
    if (path === MANIFEST_PATH || pathFault(path) === null) sums.set(path, sha256);
  }
  return sums;
}
