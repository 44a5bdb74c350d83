import { createHash } from 'node:crypto';
import { AppError } from '../../platform/errors/app-error.js';
import {
  applyVariant,
  changedUnits,
  composeManifest,
  extractUnit,
  sameOwnerlessLines,
  type UnitLines,
} from '../manifest/manifest-edit.js';
import { Manifest, type FileReference, type ManifestUnit } from '../manifest/manifest.js';
import type { VariantSuffix } from '../manifest/version.js';
import type { FetchedFile } from './fetched-file.js';
import { MANIFEST_PATH, type FileMap, type HeldFile } from './held-file.js';
import { ownUnits, type HeldTree } from './mirror-plan.js';
import type { GroupResult } from './round-input.js';
import type { FileRole } from './release.entity.js';
import { signaturePathOf } from '../manifest/signature-path.js';

/** A release's own content, as far as a tree needs it. */
export interface ReleaseContent {
  lines: UnitLines[];
  files: ReleaseFileContent[];
}

export interface ReleaseFileContent {
  path: string;
  role: FileRole;
  sha256: string;
  size: number;
  fromVersion: string | null;
  mtime: string;
  signature: { path: string; sha256: string; size: number } | null;
}

export interface ComposeInput {
  /** The manifest that the new one follows line by line: the upstream's, or the published one when nothing was fetched. */
  base: Manifest;
  /** Results of the run; empty when nothing was fetched. */
  groups: readonly GroupResult[];
  /** What this channel publishes now. */
  held: HeldTree | null;
  /** The tree against which the run was planned: that of the channel whose upstream it is. */
  planHeld: HeldTree | null;
  /** Components that stay at a given release whatever the upstream says: rolled back, or uploaded and not overtaken. */
  holds: ReadonlyMap<string, ReleaseContent>;
  componentOfUnit: ReadonlyMap<string, string>;
  /** Units whose version takes another suffix in this channel. */
  variants: ReadonlyMap<VariantSuffix, string[]>;
  /** Names and addresses that must not appear in the manifest. */
  upstreamHosts: string[];
  /** Composed before: a manifest that comes out the same is not read again. */
  twin: ComposedChannel | null;
}

export interface ReleaseDraft extends ReleaseContent {
  componentId: string;
  units: ManifestUnit[];
  digest: string;
}

/** A channel's tree, complete except that the manifest is not a blob yet. */
export interface ComposedChannel {
  manifest: Buffer;
  /** The same, parsed. */
  parsed: Manifest;
  files: FileMap;
  releases: Map<string, ReleaseDraft>;
}

class Composition {
  readonly files: FileMap = new Map();
  readonly decisions = new Map<string, 'keep' | 'drop' | UnitLines>();
  /** Keys of files that no line of the manifest has named so far. */
  private readonly signatures = new Set<string>();

  constructor(private readonly input: ComposeInput) {}

  private componentOf(unitId: string): string | null {
    return this.input.componentOfUnit.get(unitId.toUpperCase()) ?? null;
  }

  /** A signature never takes the place of a file that the manifest names, as it may say how large that is. */
  add(file: HeldFile, isSignature = false): void {
    const key = file.path.toLowerCase();
    const before = this.files.get(key);
    const named = before !== undefined && !this.signatures.has(key);
    if (named && isSignature) return;
    if (named && before.sha256 !== file.sha256)
      throw new AppError('internal', 'manifest-inconsistent.two-contents', {
        details: { path: file.path, components: [before.component, file.component] },
      });
    this.files.set(key, file);
    // Their names are reused: the last one counts.
    if (isSignature) this.signatures.add(key);
    else this.signatures.delete(key);
  }

  addFetched(file: FetchedFile, component: string | null): void {
    this.add({ path: file.reference.path, sha256: file.sha256, size: file.size, mtime: file.mtime, component });
    if (file.signature !== null) this.add({ ...file.signature, component }, true);
  }

  /** Files of units as another tree holds them, with their signatures, except where something newer has been added. */
  addHeld(units: Iterable<ManifestUnit>, tree: HeldTree | null): void {
    for (const unit of units)
      for (const { key } of unit.files) {
        const file = tree?.files.get(key);
        if (file !== undefined && (!this.files.has(key) || this.signatures.has(key))) this.add(file);
        // A signature is of one content, and stays behind with it.
        if (file !== undefined && this.files.get(key)?.sha256 !== file.sha256) continue;
        const signature = tree?.files.get(signaturePathOf(key));
        if (signature !== undefined && !this.files.has(signaturePathOf(key))) this.add(signature, true);
      }
  }

  /** What the channel publishes of a group now stays, lines and files; units that it never had are left out. */
  keepEarlier(group: GroupResult): void {
    const { held } = this.input;
    for (const unit of group.units) this.decisions.set(unit.id, 'drop');
    for (const unit of held === null ? [] : ownUnits(group, held, this.input.componentOfUnit)) {
      const lines = held && extractUnit(held.manifest, unit.id);
      if (lines !== null) this.decisions.set(unit.id, lines);
      this.addHeld([unit], held);
    }
  }

  /** A component stays at a release; units of the base that the release lacks go. */
  hold(componentId: string, release: ReleaseContent): void {
    for (const unit of this.input.base.units.values())
      if (this.componentOf(unit.id) === componentId) this.decisions.set(unit.id, 'drop');
    for (const lines of release.lines) this.decisions.set(lines.unitId, lines);
    for (const file of release.files) {
      this.add({ path: file.path, sha256: file.sha256, size: file.size, mtime: file.mtime, component: componentId });
      if (file.signature !== null) this.add({ ...file.signature, mtime: file.mtime, component: componentId }, true);
    }
  }

  group(group: GroupResult): void {
    if (group.componentId !== null && this.input.holds.has(group.componentId)) return;
    switch (group.action) {
      case 'drop':
        for (const unit of group.units) this.decisions.set(unit.id, 'drop');
        break;
      case 'earlier':
        this.keepEarlier(group);
        break;
      case 'same':
      case 'fetch':
        for (const file of group.files) this.addFetched(file, group.componentId);
        break;
    }
  }

  /** Files of a group whose lines have not changed. */
  stay({ componentId, units }: GroupResult): void {
    if (componentId === null || !this.input.holds.has(componentId)) this.addHeld(units, this.input.planHeld);
  }

  /** Without a run, everything that is not held stays as it is. */
  keepAll(): void {
    const { held, holds } = this.input;
    if (held === null) return;
    const stays = (unit: ManifestUnit): boolean => !holds.has(this.componentOf(unit.id) ?? '');
    const units = [...held.manifest.units.values()].filter(stays);
    // A file that several entries name is recorded as that of one of them.
    for (const file of held.files.values())
      if (file.path !== MANIFEST_PATH && (file.component === null || !holds.has(file.component)))
        this.add(file, file.path.toLowerCase().endsWith('.sig'));
    this.addHeld(units, held);
  }
}

/** SHA-256 over what makes a release what it is. */
export function releaseDigest(componentId: string, content: ReleaseContent): string {
  const hash = createHash('sha256').update(componentId);
  for (const unit of content.lines)
    for (const line of unit.lines) hash.update(`\n${unit.unitId} ${line.section} ${line.text}`);
  const files = content.files.map(
    (file) => `${file.path.toLowerCase()} ${file.sha256} ${file.signature?.sha256 ?? '-'}`,
  );
  return hash.update(`\n${files.sort().join('\n')}`).digest('hex');
}

/** Each file once: entries of one component may name the same. */
export function releaseFiles(units: readonly ManifestUnit[], files: FileMap): ReleaseFileContent[] {
  const references = new Map<string, FileReference>();
  for (const unit of units)
    for (const file of unit.files) if (!references.has(file.key)) references.set(file.key, file);
  return [...references.values()].flatMap((reference) => {
    const file = files.get(reference.key);
    if (file === undefined) return [];
    const signature = files.get(signaturePathOf(reference.key));
    return [
      {
        path: file.path,
        role: reference.role,
        sha256: file.sha256,
        size: file.size,
        fromVersion: reference.fromVersion ?? null,
        mtime: file.mtime,
        signature: signature ? { path: signature.path, sha256: signature.sha256, size: signature.size } : null,
      },
    ];
  });
}

/**
 * Whatever went wrong before: a manifest that names a file which is not there with that size is never published. Only what an earlier
 * version has published without it, as it did not read its line, may stay like this until the source delivers it.
 */
function requireConsistent(manifest: Manifest, files: FileMap, held: HeldTree | null): void {
  const neverHad = (unitId: string, key: string): boolean =>
    held?.files.has(key) === false && held.manifest.units.get(unitId)?.files.some((file) => file.key === key) === true;
  for (const unit of manifest.units.values())
    for (const reference of unit.files) {
      const file = files.get(reference.key);
      if (file === undefined && neverHad(unit.id, reference.key)) continue;
      if (file === undefined || (reference.size !== null && file.size !== reference.size))
        throw new AppError('internal', 'manifest-inconsistent.not-held', {
          details: {
            path: reference.path,
            unit: unit.id,
            manifestSize: reference.size,
            heldSize: file?.size ?? null,
          },
        });
    }
}

/**
 * A run that left something at its earlier release and brought nothing else may still give the lines another order. Nobody
 * needs a snapshot for that.
 */
function saysNothingNew(input: ComposeInput, manifest: Manifest, files: FileMap): boolean {
  const { held, groups } = input;
  if (held === null || groups.every((group) => group.action !== 'earlier')) return false;
  const data = [...held.files.values()].filter((file) => file.path !== MANIFEST_PATH);
  const sameFiles =
    data.length === files.size && data.every((file) => files.get(file.path.toLowerCase())?.sha256 === file.sha256);
  return sameFiles && changedUnits(held.manifest, manifest).length === 0 && sameOwnerlessLines(held.manifest, manifest);
}

/** Makes a channel's manifest and tree out of what a run brought, what is held, and what people decided. Pure. */
export function composeChannel(input: ComposeInput): ComposedChannel {
  const composition = new Composition(input);
  if (input.groups.length === 0) composition.keepAll();
  for (const group of input.groups) composition.group(group);
  for (const [componentId, release] of input.holds) composition.hold(componentId, release);
  // What is the same as before comes last: a newer content of a file may have come, for this entry or another that names it.
  for (const group of input.groups) if (group.action === 'same') composition.stay(group);
  let manifest = composeManifest(input.base, composition.decisions, { upstreamHosts: input.upstreamHosts });
  let parsed = input.twin?.manifest.equals(manifest) ? input.twin.parsed : Manifest.parse(manifest);
  for (const [suffix, unitIds] of input.variants) {
    manifest = applyVariant(parsed, unitIds, suffix);
    parsed = Manifest.parse(manifest);
  }
  if (input.held !== null && saysNothingNew(input, parsed, composition.files)) {
    parsed = input.held.manifest;
    manifest = parsed.document.toBuffer();
  }
  requireConsistent(parsed, composition.files, input.held);
  return { manifest, parsed, files: composition.files, releases: draftReleases(input, parsed, composition.files) };
}

function draftReleases(input: ComposeInput, manifest: Manifest, files: FileMap): Map<string, ReleaseDraft> {
  const unitsOf = new Map<string, ManifestUnit[]>();
  for (const unit of manifest.units.values()) {
    const componentId = input.componentOfUnit.get(unit.id.toUpperCase());
    if (componentId !== undefined) unitsOf.set(componentId, [...(unitsOf.get(componentId) ?? []), unit]);
  }
  const drafts = new Map<string, ReleaseDraft>();
  for (const [componentId, units] of unitsOf) {
    const lines = units.map((unit) => extractUnit(manifest, unit.id)).filter((unit) => unit !== null);
    const content = { lines, files: releaseFiles(units, files) };
    drafts.set(componentId, { componentId, units, ...content, digest: releaseDigest(componentId, content) });
  }
  // Components that no manifest names have files only.
  for (const [componentId, release] of input.holds)
    if (!drafts.has(componentId))
      drafts.set(componentId, { componentId, units: [], ...release, digest: releaseDigest(componentId, release) });
  return drafts;
}
