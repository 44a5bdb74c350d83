/** Longest path of a file that a manifest may name, in characters. */
export const MAX_PATH_LENGTH = 512;
/** Most segments of such a path. */
export const MAX_PATH_SEGMENTS = 32;
/** Longest segment: file systems take names of 255 bytes, and that of the signature may have `.sig` at its end. */
export const MAX_SEGMENT_LENGTH = 255 - '.sig'.length;

/** Below every base, this is where the other channel begins: no file of a tree can be reached there. */
const JAPAN_FOLDER = 'japan';

/** What one file is known by: the path without regard to case, as clients and the update source treat it. */
export function fileKey(path: string): string {
  return path.toLowerCase();
}

/**
 * Why a path of a manifest must not be fetched, stored or served, as an English half-sentence; null when it is safe.
 * Safe means: relative, below the base, the same after any decoding, and not one of the names that the update source
 * keeps for itself. Nothing is repaired: a path that needs repair is refused.
 */
export function pathFault(path: string): string | null {
  if (path === '') return 'it is empty';
  if (path.length > MAX_PATH_LENGTH) return `it is longer than ${MAX_PATH_LENGTH} characters`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return 'it contains a control character';
  // The manifest is ASCII; no request URL can be made of other bytes without guessing their encoding.
  if (/[^\u0020-\u007e]/.test(path)) return 'it contains a character outside ASCII';
  if (path.includes('\\')) return 'it contains a backslash';
  if (path.includes(':')) return 'it contains a colon (a drive or a URL)';
  if (/[?#]/.test(path)) return 'it contains a query or a fragment';
  // Products put the path into the URL as it stands, and the update source decodes it once: it would look for another name, or
  // find no escape at all. Only a client that wrote %25 instead could fetch the file, and what it hides is nobody's guess.
  if (path.includes('%')) return 'it contains a percent sign, which stands for something else in a URL';
  if (path.startsWith('/')) return 'it is absolute';
  const segments = path.split('/');
  if (segments.length > MAX_PATH_SEGMENTS) return `it has more than ${MAX_PATH_SEGMENTS} segments`;
  for (const segment of segments) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return 'it has a relative segment';
    // All ASCII by now: as many bytes as characters.
    if (segment.length > MAX_SEGMENT_LENGTH) return `a segment is longer than ${MAX_SEGMENT_LENGTH} characters`;
    if (segment.startsWith('@')) return 'a segment begins with @, which the update source keeps for itself';
    if (segment.trim() !== segment) return 'a segment begins or ends with a space';
  }
  if (fileKey(segments[0] ?? '') === JAPAN_FOLDER) return 'it stands where the japan channel is served';
  if (fileKey(path) === 'server.ini') return 'it is the manifest itself';
  return null;
}
