import { composeManifest, type UnitDecision } from '../../src/mirror/manifest/manifest-edit.js';
import { Manifest } from '../../src/mirror/manifest/manifest.js';
import { manifestBytes } from './synthetic-manifest.js';

/** The manifest of these lines. */
export function parse(...lines: string[]): Manifest {
  return Manifest.parse(manifestBytes(lines.join('\n')));
}

export function unitOf(manifest: Manifest, id: string) {
  const unit = manifest.units.get(id);
  if (!unit) throw new Error(`no unit ${id} among ${[...manifest.units.keys()].join(' ')}`);
  return unit;
}

/** Keys of the lines that belong to a unit. */
export function keysOf(manifest: Manifest, id: string): string[] {
  return unitOf(manifest, id).lines.map((index) => manifest.document.lines[index]?.key ?? '');
}

/** Codes of what is wrong with a unit. */
export function faultsOf(manifest: Manifest, id: string): string[] {
  return unitOf(manifest, id).faults.map(({ code }) => code);
}

/** Text of what is published of a manifest when so much is decided. */
export function compose(
  manifest: Manifest,
  decisions: Record<string, UnitDecision> = {},
  upstreamHosts: string[] = [],
): string {
  return composeManifest(manifest, new Map(Object.entries(decisions)), { upstreamHosts }).toString('latin1');
}
