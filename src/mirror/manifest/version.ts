/**
 * How the versions of a component are ordered and shown.
 * - `vsapi`: roll×100000 + number×100 + build, unsigned 32 bit; build 80 (Japan) is the same number as build 00
 * - `engine`: dotted, the second part a decimal fraction: 12.5.1004 is 12.500.1004
 * - `integer`: one whole number, leading zeros without meaning for the order
 * - `dotted`: each part a whole number, missing parts are 0
 */
export type Numbering = 'vsapi' | 'engine' | 'integer' | 'dotted';
export const NUMBERINGS: readonly Numbering[] = ['vsapi', 'engine', 'integer', 'dotted'];

/** Build part of the virus pattern: `00` global, `80` Japan. Identity of a release, never order. */
export type VariantSuffix = '00' | '80';

/** Longest text that is taken for a version: keeps hostile digits away from big-number arithmetic. */
const MAX_VERSION_LENGTH = 64;
const MAX_UINT32 = 0xffff_ffffn;
/** Below this a vsapi number has no roll and so no build: it is the bare three-digit pattern number. */
const SMALLEST_WITH_ROLL = 100_000n;

/**
 * Orders two raw versions of one component; never throws. Variants of one number are equal. Text that does not fit the
 * numbering stands below all that does; two such texts are ordered as text, with runs of digits by value.
 */
export function compareVersions(a: string, b: string, numbering: Numbering): -1 | 0 | 1 {
  const left = orderKey(a.trim(), numbering);
  const right = orderKey(b.trim(), numbering);
  if (left === null || right === null) {
    if (left !== null) return 1;
    if (right !== null) return -1;
    return compareAsText(a.trim(), b.trim());
  }
  return compareParts(left, right);
}

/** What a person reads: vsapi 1724100 → 17.241.00, engine 12.5.1004 → 12.500.1004; anything else as it stands. */
export function displayVersion(raw: string, numbering: Numbering): string {
  const text = raw.trim();
  if (numbering === 'vsapi') {
    const value = vsapiValue(text);
    if (value === null || value < SMALLEST_WITH_ROLL) return raw;
    const number = ((value / 100n) % 1000n).toString().padStart(3, '0');
    return `${value / 100_000n}.${number}.${(value % 100n).toString().padStart(2, '0')}`;
  }
  if (numbering === 'engine' && isDotted(text)) {
    const [major = '', middle, ...rest] = text.split('.');
    return middle === undefined ? raw : [major, middle.padEnd(3, '0'), ...rest].join('.');
  }
  return raw;
}

/**
 * The raw version that a person means: `17.241.00` or `1724100` → `1724100`. Null when it cannot be a version in this
 * numbering; `17.241` has no build and is null too.
 */
export function parseDisplayVersion(text: string, numbering: Numbering): string | null {
  const trimmed = text.trim();
  if (numbering !== 'vsapi') return orderKey(trimmed, numbering) === null ? null : trimmed;
  const shown = /^(\d{1,5})\.(\d{3})\.(\d{2})$/.exec(trimmed);
  if (!shown) return vsapiValue(trimmed) === null ? null : trimmed;
  const raw = `${Number(shown[1])}${shown[2]}${shown[3]}`;
  return vsapiValue(raw) === null ? null : raw;
}

/** Variant of a raw version, or null when it has none: another numbering, no roll, or some other build. */
export function variantOf(raw: string, numbering: Numbering): VariantSuffix | null {
  if (numbering !== 'vsapi') return null;
  const value = vsapiValue(raw.trim());
  if (value === null || value < SMALLEST_WITH_ROLL) return null;
  const build = value % 100n;
  return build === 0n ? '00' : build === 80n ? '80' : null;
}

/** The same number in another variant; unchanged where `variantOf` gives null. Leading zeros stay. */
export function withVariant(raw: string, suffix: VariantSuffix): string {
  if (variantOf(raw, 'vsapi') === null) return raw;
  const text = raw.trim();
  return text.slice(0, -2) + suffix;
}

function vsapiValue(text: string): bigint | null {
  if (text.length > MAX_VERSION_LENGTH || !/^\d+$/.test(text)) return null;
  const value = BigInt(text);
  return value > MAX_UINT32 ? null : value;
}

function isDotted(text: string): boolean {
  return text.length <= MAX_VERSION_LENGTH && /^\d+(?:\.\d+)*$/.test(text);
}

/** Parts to compare in turn, or null when the text does not fit the numbering. */
function orderKey(text: string, numbering: Numbering): bigint[] | null {
  switch (numbering) {
    case 'vsapi': {
      const value = vsapiValue(parseShown(text));
      if (value === null) return null;
      return [value >= SMALLEST_WITH_ROLL && value % 100n === 80n ? value - 80n : value];
    }
    case 'integer':
      return text.length <= MAX_VERSION_LENGTH && /^\d+$/.test(text) ? [BigInt(text)] : null;
    case 'dotted':
      return isDotted(text) ? text.split('.').map(BigInt) : null;
    case 'engine': {
      if (!isDotted(text)) return null;
      const [major = '0', middle = '0', ...rest] = text.split('.');
      return [major, middle.padEnd(MAX_VERSION_LENGTH, '0'), ...rest].map(BigInt);
    }
  }
}

function parseShown(text: string): string {
  return text.includes('.') ? (parseDisplayVersion(text, 'vsapi') ?? text) : text;
}

function compareParts(left: readonly bigint[], right: readonly bigint[]): -1 | 0 | 1 {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = sign(left[index] ?? 0n, right[index] ?? 0n);
    if (order !== 0) return order;
  }
  return 0;
}

function compareAsText(a: string, b: string): -1 | 0 | 1 {
  const left = chunks(a);
  const right = chunks(b);
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const order = compareChunks(left[index] ?? '', right[index] ?? '');
    if (order !== 0) return order;
  }
  return sign(left.length, right.length);
}

function chunks(text: string): string[] {
  return text.slice(0, MAX_VERSION_LENGTH).match(/\d+|\D+/g) ?? [];
}

function compareChunks(a: string, b: string): -1 | 0 | 1 {
  const numeric = /^\d/;
  if (numeric.test(a) && numeric.test(b)) return sign(BigInt(a), BigInt(b));
  return sign(a, b);
}

function sign<T extends bigint | number | string>(a: T, b: T): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
