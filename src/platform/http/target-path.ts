/** The path of an origin-form or absolute-form target (RFC 9112 §3.2), without its query; null of any other target. */
export function pathOf(target: string): string | null {
  let start = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const authority = target.indexOf('://');
    start = authority < 0 ? -1 : target.indexOf('/', authority + 3);
    if (start < 0) return null;
  }
  const end = target.search(/[?#]/);
  if (end < 0) return start === 0 ? target : target.slice(start);
  return end < start ? null : target.slice(start, end);
}
