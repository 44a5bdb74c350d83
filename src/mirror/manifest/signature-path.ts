/**
 * The sibling that signs a file: its last extension replaced by `.sig` (`v_239.241` → `v_239.sig`).
 * Names are reused from release to release, so the content of a signature belongs to a snapshot, not to its path.
 */
export function signaturePathOf(path: string): string {
  const slash = path.lastIndexOf('/');
  const dot = path.lastIndexOf('.');
  return `${dot > slash + 1 ? path.slice(0, dot) : path}.sig`;
}
