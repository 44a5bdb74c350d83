import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Alongside } from '../../database/transaction.js';
import { CatalogueRepository, componentOfUnit } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { guessVersionFromFileName } from '../../mirror/manifest/catalogue.js';
import { compareVersions, parseDisplayVersion, variantOf } from '../../mirror/manifest/version.js';
import { releaseDigest } from '../../mirror/snapshot/channel-composer.js';
import { leadingUnit } from '../../mirror/snapshot/mirror-plan.js';
import { ReleaseRepository } from '../../mirror/snapshot/release.repository.js';
import type { ChannelState } from '../../mirror/snapshot/channel-states.js';
import { SnapshotPublisher } from '../../mirror/snapshot/snapshot-publisher.js';
import { SnapshotRepository } from '../../mirror/snapshot/snapshot.repository.js';
import { TreeEditor, type NewContent } from '../../mirror/snapshot/tree-editor.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { BlobStore } from '../../mirror/store/blob-store.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { AuditService } from '../accounts/accounts.api.js';
import type { EventOutcome } from './update-event.entity.js';
import { UpdateEventRepository, type NewUpdateEvent } from './update-event.repository.js';
import type { UploadForm } from './upload.form.js';
import { UploadObservers } from './upload.observers.js';
import { Upload } from './upload.release.js';

export interface UploadOutcome {
  releaseId: string;
  /** False: recorded and deployable, but something at least as new stays in force. */
  published: boolean;
  /** Null when nothing changed in what is published: with `published`, the very release was in force already. */
  snapshotId: string | null;
  /** `signature-missing`: the release in force has one, and products in secure mode refuse a file without. */
  warnings: string[];
}

/** A version without a roll (three digits) cannot be ordered among complete ones. */
const SMALLEST_VSAPI = 100_000;
const FREE_VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

/** Makes releases of what people bring. */
@Injectable()
export class UploadService {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly settings: MirrorSettings,
    private readonly releases: ReleaseRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly publisher: SnapshotPublisher,
    private readonly editor: TreeEditor,
    private readonly blobs: BlobStore,
    private readonly events: UpdateEventRepository,
    private readonly observers: UploadObservers,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Records a stored file as a release, and publishes it in both channels when it is newer than what they have (`force`: in any case).
   * A Japan variant (`.80`) of a component that derives one goes to the japan channel only. A rolled-back component takes the upload up
   * and is no longer held back; it stays out of the schedule.
   * @throws AppError `version-missing`, `version-invalid`, `upload-unsupported`, `path-taken`, `publishing-busy`.
   */
  async publish(
    component: Component,
    form: UploadForm,
    force: boolean,
    actor: string,
    alongside: Alongside<UploadOutcome>,
  ): Promise<UploadOutcome> {
    const version = versionOf(component, form);
    const owners = componentOfUnit(await this.catalogue.list());
    const { file } = form;
    const upload = new Upload(component, form, version, actor, this.clock.now(), owners);
    const facts = { component: component.id, version, file: file.originalName, size: file.size, sha256: file.sha256 };
    const recorded: Alongside<UploadOutcome> = async (manager, made) => {
      const details = { ...facts, published: made.published };
      await this.audit.record(actor, 'release.upload', made.releaseId, details, manager);
      await alongside(manager, made);
    };
    const outcome = await this.publisher.exclusively(() => this.decide(upload, force, recorded));
    await this.observers.stored({
      releaseId: outcome.releaseId,
      componentId: component.id,
      version,
      fileName: file.originalName,
      size: file.size,
      actor,
      at: upload.now,
      snapshotId: outcome.snapshotId,
      published: outcome.published,
    });
    return outcome;
  }

  /** The log has a line for an upload that was refused, too; mistakes in the form itself are only the caller's. */
  async refused(componentId: string, fault: AppError, actor: string): Promise<void> {
    if (fault.kind === 'bad-input') return;
    const event = eventOf({ componentId, version: null, actor }, 'failed');
    await this.events.add([{ ...event, code: fault.code, params: { message: fault.message } }], this.clock.now());
  }

  /** Inside the publishing lock: what is in force cannot change under the decision. */
  private async decide(upload: Upload, force: boolean, recorded: Alongside<UploadOutcome>): Promise<UploadOutcome> {
    const states = {
      global: await this.publisher.states.current('global'),
      japan: await this.publisher.states.current('japan'),
    };
    const ownJapan = (await this.settings.updateSource()).japanSources.length > 0;
    const content = upload.content(states, ownJapan);
    const current = await this.currentVersion(upload.component, states[upload.channel]);
    const isSame = await this.isInForce(upload.component, content[upload.channel], states[upload.channel]);
    const takesOver =
      force || isSame || current === null || compareVersions(upload.version, current, upload.component.numbering) > 0;
    const warnings = upload.lacksSignature(states) ? ['signature-missing'] : [];
    if (!takesOver) return this.recordOnly(upload, content[upload.channel], warnings, recorded);
    const { component, channels } = upload;
    const edit = await this.editor.publish({
      reason: 'upload',
      actor: upload.actor,
      holds: { global: new Map(), japan: new Map() },
      content: { global: mapOf(component.id, content.global), japan: mapOf(component.id, content.japan) },
      record: async (manager, releases, snapshotId) => {
        if (force || !isSame) await this.snapshots.unpin(manager, [component.id], channels);
        const releaseId = uploadedIn(releases[upload.channel], component);
        const event = { ...eventOf(upload.facts, isSame ? 'unchanged' : 'updated'), versionBefore: current, releaseId };
        await this.events.add([event], upload.now, manager);
        await recorded(manager, { releaseId, published: true, snapshotId, warnings });
      },
    });
    // The same content again is how a person brings back what was lost.
    if (edit.snapshotId === null) await this.publisher.relink();
    else await this.publisher.mend();
    return {
      releaseId: uploadedIn(edit.releases[upload.channel], component),
      published: true,
      snapshotId: edit.snapshotId,
      warnings,
    };
  }

  private async recordOnly(
    upload: Upload,
    content: NewContent | undefined,
    warnings: string[],
    recorded: Alongside<UploadOutcome>,
  ): Promise<UploadOutcome> {
    if (content === undefined) throw new AppError('internal', 'internal.upload-empty');
    const { component, version } = upload;
    const outcome: UploadOutcome = { releaseId: '', published: false, snapshotId: null, warnings };
    const record = async (manager: EntityManager): Promise<void> => {
      const digest = releaseDigest(component.id, content);
      const draft = { componentId: component.id, digest, lines: content.lines, files: content.files };
      const variant = variantOf(version, component.numbering);
      const release = { draft, version, variant, provenance: upload.provenance };
      const [releaseId = ''] = await this.releases.findOrCreate(manager, [release], upload.now);
      await this.events.add([{ ...eventOf(upload.facts, 'recorded'), releaseId }], upload.now, manager);
      outcome.releaseId = releaseId;
      await recorded(manager, outcome);
    };
    const blobs = new Set(
      content.files.flatMap(({ sha256, signature }) => [sha256, ...(signature === null ? [] : [signature.sha256])]),
    );
    await this.blobs.requireHeld(blobs);
    await this.blobs.settle(blobs);
    await this.publisher.alone(record);
    return outcome;
  }

  /** The very release that is published. */
  private async isInForce(
    component: Component,
    content: NewContent | undefined,
    state: ChannelState,
  ): Promise<boolean> {
    const releaseId = state.releases.get(component.id);
    if (content === undefined || releaseId === undefined) return false;
    return (await this.releases.find(releaseId))?.contentDigest === releaseDigest(component.id, content);
  }

  private async currentVersion(component: Component, state: ChannelState): Promise<string | null> {
    const releaseId = state.releases.get(component.id);
    const release = releaseId === undefined ? null : await this.releases.find(releaseId);
    if (release !== null) return release.version;
    // The database may be older than the disk: then only the manifest knows.
    const units = component.entries.flatMap((entry) => state.held?.manifest.units.get(entry.toUpperCase()) ?? []);
    return units.length === 0 ? null : (leadingUnit(component.entries, units)?.version ?? null);
  }
}

function uploadedIn(releases: ReadonlyMap<string, string>, component: Component): string {
  const releaseId = releases.get(component.id);
  if (releaseId !== undefined) return releaseId;
  throw new AppError('internal', 'internal.upload-lost');
}

function mapOf(id: string, content: NewContent | undefined): Map<string, NewContent> {
  return new Map(content === undefined ? [] : [[id, content]]);
}

/** Raw version: the one that was given, else what the name of the file tells. */
function versionOf(component: Component, form: UploadForm): string {
  const { numbering } = component;
  const details = { component: component.id, numbering, fileName: form.file.originalName };
  if (form.version === null) {
    const guessed = guessVersionFromFileName(component, form.file.originalName);
    if (guessed !== null) return guessed;
    throw new AppError('bad-input', 'version-missing', {
      details,
    });
  }
  const raw = parseDisplayVersion(form.version, numbering);
  if (raw !== null && (numbering !== 'vsapi' || Number(raw) >= SMALLEST_VSAPI)) return raw;
  // What no manifest names may be numbered as its maker likes.
  if (component.entries.length === 0 && numbering !== 'vsapi' && FREE_VERSION.test(form.version)) return form.version;
  throw new AppError('bad-input', 'version-invalid.of-component', {
    values: { id: component.id },
    details: { ...details, version: form.version },
  });
}

function eventOf(
  facts: { componentId: string; version: string | null; actor: string },
  outcome: EventOutcome,
): NewUpdateEvent {
  return {
    ...facts,
    trigger: 'upload',
    outcome,
    versionBefore: null,
    downloadId: null,
    releaseId: null,
    code: null,
    params: {},
  };
}
