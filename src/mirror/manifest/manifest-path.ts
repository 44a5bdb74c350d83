import { type KeyUnder, reason, type Sentence } from '../../platform/texts/texts.js';

/** Longest path of a file that a manifest may name, in characters. */
export const MAX_PATH_LENGTH = 512;
/** Most segments of such a path. */
const MAX_PATH_SEGMENTS = 32;
/** Longest segment: file systems take names of 255 bytes, and that of the signature may have `.sig` at its end. */
export const MAX_SEGMENT_LENGTH = 255 - '.sig'.length;

/** Below every base, this is where the other channel begins: no file of a tree can be reached there. */
const JAPAN_FOLDER = 'japan';

/** What one file is known by: the path without regard to case, as clients and the update source treat it. */
export function fileKey(path: string): string {
  return path.toLowerCase();
}

/**
 * Why a path of a manifest must not be fetched, stored or served, as a half-sentence; null when it is safe.
 * Safe means: relative, below the base, the same after any decoding, and not one of the names that the update source
 * keeps for itself. Nothing is repaired: a path that needs repair is refused.
 */
export function pathFault(path: string): Sentence | null {
  if (path === '') return because('empty');
  if (path.length > MAX_PATH_LENGTH) return because('long', { limit: MAX_PATH_LENGTH });
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return because('control-character');
  // The manifest is ASCII; no request URL can be made of other bytes without guessing their encoding.
  if (/[^\u0020-\u007e]/.test(path)) return because('not-ascii');
  if (path.includes('\\')) return because('backslash');
  if (path.includes(':')) return because('colon');
  if (/[?#]/.test(path)) return because('query');
  // Products put the path into the URL as it stands, and the update source decodes it once: it would look for another name, or
  // find no escape at all. Only a client that wrote %25 instead could fetch the file, and what it hides is nobody's guess.
  if (path.includes('%')) return because('percent');
  if (path.startsWith('/')) return because('absolute');
  const segments = path.split('/');
  if (segments.length > MAX_PATH_SEGMENTS) return because('many-segments', { limit: MAX_PATH_SEGMENTS });
  for (const segment of segments) {
    if (segment === '') return because('empty-segment');
    if (segment === '.' || segment === '..') return because('relative-segment');
    // All ASCII by now: as many bytes as characters.
    if (segment.length > MAX_SEGMENT_LENGTH) return because('long-segment', { limit: MAX_SEGMENT_LENGTH });
    if (segment.startsWith('@')) return because('at-sign');
    if (segment.trim() !== segment) return because('space');
  }
  if (fileKey(segments[0] ?? '') === JAPAN_FOLDER) return because('japan');
  if (fileKey(path) === 'server.ini') return because('manifest');
  return null;
}

function because(what: KeyUnder<'reason.path.'>, values?: Record<string, unknown>): Sentence {
  return reason(`path.${what}`, values);
}
