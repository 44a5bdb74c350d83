import { signaturePathOf } from '../manifest/signature-path.js';
import type { FileMap } from './held-file.js';

export interface DerivedFilesInput {
  /** What the japan channel publishes. */
  japan: FileMap;
  /** What the global channel publishes. */
  global: FileMap | null;
  /** Components whose release in the japan channel was derived from a global one. */
  derived: ReadonlySet<string>;
  /** Whether a run may replace what a component has (null: entries that no component claims). */
  mayReplace: (componentId: string | null) => boolean;
  /** Whether one of the channel's own sources is known to have delivered this content under this name. */
  delivered: (key: string, sha256: string) => boolean;
}

/**
 * Names of files, and of their signatures, that the japan channel has from the time when it was derived from the global one. Its own
 * sources may have another content under the same lines of the manifest, so that these do not count as held. Pure.
 */
export function derivedFiles({ japan, global, derived, mayReplace, delivered }: DerivedFilesInput): Set<string> {
  const names = new Set<string>();
  for (const [key, { sha256, component }] of japan) {
    const fromGlobal = (component !== null && derived.has(component)) || global?.get(key)?.sha256 === sha256;
    if (!fromGlobal || !mayReplace(component) || delivered(key, sha256)) continue;
    names.add(key).add(signaturePathOf(key));
  }
  return names;
}
