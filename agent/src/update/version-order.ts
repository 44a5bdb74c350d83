/** How versions of a component are ordered; the same names as the server's catalogue uses. */
export const NUMBERINGS = ['vsapi', 'engine', 'integer', 'dotted'] as const;
export type Numbering = (typeof NUMBERINGS)[number];

const MAX_LENGTH = 64;

/**
 * True when `candidate` is newer than `installed`. The variants .00 and .80 of one virus pattern are never newer than each
 * other; the middle part of an engine version counts as a decimal fraction (12.5.1 = 12.500.1). A version that does not fit
 * its numbering is newer only when the installed one does not fit either and the texts differ.
 */
export function isNewer(candidate: string, installed: string, numbering: Numbering): boolean {
  const [left, right] = [orderKey(candidate, numbering), orderKey(installed, numbering)];
  if (left === null) return right === null && candidate.trim() !== installed.trim();
  if (right === null) return true;
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a, b] = [left[index] ?? 0n, right[index] ?? 0n];
    if (a !== b) return a > b;
  }
  return false;
}

/** A pattern number as people write it: 1724180 → 17.241.80; everything else as it stands. */
export function displayVersion(version: string, numbering: Numbering | undefined): string {
  const parts = numbering === 'vsapi' ? /^(\d{1,4})(\d{3})(\d{2})$/.exec(version) : null;
  return parts ? parts.slice(1).join('.') : version;
}

function orderKey(version: string, numbering: Numbering): bigint[] | null {
  const text = version.trim();
  if (text.length > MAX_LENGTH || !/^\d+(?:\.\d+)*$/.test(text)) return null;
  const parts = text.split('.');
  switch (numbering) {
    case 'integer':
      return parts.length === 1 ? [BigInt(text)] : null;
    case 'vsapi': {
      const shown = /^(\d{1,4})\.(\d{3})\.(\d{2})$/.exec(text);
      if (parts.length > 1 && !shown) return null;
      return [BigInt(shown ? shown.slice(1).join('') : text) / 100n];
    }
    case 'engine': {
      const [major = '0', middle = '0', ...rest] = parts;
      return [major, middle.padEnd(MAX_LENGTH, '0'), ...rest].map(BigInt);
    }
    case 'dotted':
      return parts.map(BigInt);
  }
}
