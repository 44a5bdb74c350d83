import type { Component } from '../../mirror/catalogue/component.entity.js';
import { signaturePathOf } from '../../mirror/manifest/signature-path.js';
import { variantOf, withVariant } from '../../mirror/manifest/version.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { releaseFiles } from '../../mirror/snapshot/channel-composer.js';
import type { ChannelState } from '../../mirror/snapshot/channel-states.js';
import type { Provenance } from '../../mirror/snapshot/release.repository.js';
import type { NewContent } from '../../mirror/snapshot/tree-editor.js';
import { placeUpload } from '../../mirror/snapshot/upload-lines.js';
import type { UploadForm } from './upload.form.js';
import { requireFreePaths } from './upload.paths.js';

/** One upload on its way to a release. */
export class Upload {
  readonly provenance: Provenance;
  /** Where it takes effect, and the one whose release is the uploaded one. */
  readonly channels: readonly Channel[];
  readonly channel: Channel;

  constructor(
    readonly component: Component,
    private readonly form: UploadForm,
    readonly version: string,
    readonly actor: string,
    readonly now: Date,
    /** Component of each entry of the manifest. */
    private readonly owners: ReadonlyMap<string, string>,
  ) {
    this.provenance = { origin: 'uploaded', derivedFrom: null, source: form.file.originalName, createdBy: actor };
    const japanOnly = variantOf(version, component.numbering) === '80' && component.variants.includes('80');
    this.channels = japanOnly ? ['japan'] : CHANNELS;
    this.channel = japanOnly ? 'japan' : 'global';
  }

  get facts(): { componentId: string; version: string; actor: string } {
    return { componentId: this.component.id, version: this.version, actor: this.actor };
  }

  content(states: Record<Channel, ChannelState>, ownJapan: boolean): Partial<Record<Channel, NewContent>> {
    const main = this.contentFor(this.channel, this.version, states, this.provenance);
    if (this.channel === 'japan') return { japan: main };
    // A japan channel that follows the global one derives its variant by itself; one with a source of its own does not.
    const variant = ownJapan && this.component.variants.includes('80') ? withVariant(this.version, '80') : this.version;
    const derived: Provenance | null = ownJapan ? { ...this.provenance, origin: 'derived' } : null;
    const japan = ownJapan ? this.contentFor('japan', variant, states, derived) : { ...main, provenance: null };
    return { global: main, japan };
  }

  /** Whether the release in force is signed and this one is not. */
  lacksSignature(states: Record<Channel, ChannelState>): boolean {
    const files = [...(states[this.channel].held?.files.values() ?? [])];
    return (
      this.form.signature === null &&
      files.some((file) => file.component === this.component.id && /\.sig$/i.test(file.path))
    );
  }

  private contentFor(
    channel: Channel,
    version: string,
    states: Record<Channel, ChannelState>,
    provenance: Provenance | null,
  ): NewContent {
    const { component, form } = this;
    const { held } = states[channel];
    const placed = placeUpload({
      component,
      published: held?.manifest ?? null,
      fileName: form.file.name,
      size: form.file.size,
      version,
    });
    const signaturePath = signaturePathOf(placed.path);
    const { sha256, size } = form.file;
    requireFreePaths(placed.path, sha256, component.id, { held, componentOfUnit: this.owners });
    const signature =
      form.signature === null
        ? null
        : { path: signaturePath, sha256: form.signature.sha256, size: form.signature.size };
    const mtime = this.now.toISOString();
    const uploaded = { path: placed.path, role: 'full' as const, sha256, size, fromVersion: null, mtime, signature };
    return {
      release: { version },
      lines: placed.lines,
      files: [uploaded, ...(held === null ? [] : releaseFiles(placed.kept, held.files))],
      provenance,
    };
  }
}
