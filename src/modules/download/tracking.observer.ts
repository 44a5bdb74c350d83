import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { inEach, isTextKey, sameInAll, text, type Sentence } from '../../platform/texts/texts.js';
import { ServerWork, type ServerWorkEnd } from '../commands/commands.api.js';
import type { Download, DownloadState } from './download.entity.js';
import { DownloadObservers, type DownloadObserver } from './download.observers.js';
import { DownloadRepository, type DownloadProgress } from './download.repository.js';
import { downloadView, type OutcomeView } from './download.view.js';
import { UploadObservers, type StoredUpload, type UploadObserver } from './upload.observers.js';

/** Puts the server's own downloads and uploads into the one list of commands. */
@Injectable()
export class TrackingObserver implements DownloadObserver, UploadObserver, OnModuleInit {
  /** Downloads of this process whose command may not be written yet: a short download ends before it is. */
  private readonly beginning = new Map<string, Promise<unknown>>();

  constructor(
    private readonly work: ServerWork,
    private readonly downloads: DownloadRepository,
    private readonly catalogue: CatalogueRepository,
    private readonly downloadObservers: DownloadObservers,
    private readonly uploadObservers: UploadObservers,
  ) {}

  onModuleInit(): void {
    this.downloadObservers.add(this);
    this.uploadObservers.add(this);
  }

  async started(id: string, wish: Pick<Download, 'trigger' | 'components' | 'startedBy'>): Promise<void> {
    const begun = this.work.begin({
      type: 'download',
      issuedBy: wish.startedBy,
      origin: wish.trigger === 'schedule' ? 'schedule' : 'person',
      components: wish.components ?? [],
      downloadId: id,
      releaseId: null,
      parameters: { components: wish.components ?? 'all', trigger: wish.trigger },
    });
    this.beginning.set(id, begun);
    await begun;
  }

  progressed(id: string, progress: DownloadProgress): void {
    const { bytesDone, bytesTotal } = progress;
    const percent = bytesTotal > 0 ? Math.floor((100 * bytesDone) / bytesTotal) : null;
    // Progress is told again in a second: one that is lost is no loss.
    this.work.progress(id, percent, { ...progress }).catch(() => undefined);
  }

  async ended(id: string, state: DownloadState): Promise<void> {
    await this.beginning.get(id)?.catch(() => undefined);
    this.beginning.delete(id);
    const download = await this.downloads.find(id);
    const components = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const outcomes = download === null ? [] : downloadView(download, components, null).components;
    const failed = outcomes.filter((each) => each.outcome === 'failed');
    const touched = outcomes.filter(({ id, outcome }) => isTold(outcome) && components.has(id)).map(({ id }) => id);
    const error = download?.error ?? failed[0]?.error ?? null;
    const by = state === 'cancelled' ? (download?.cancelRequestedBy ?? null) : null;
    const at = download?.cancelRequestedAt ?? null;
    await this.work.end(
      { downloadId: id },
      {
        ...END[state],
        ...(by === null || at === null ? {} : { reason: 'download-cancelled', cancelled: { by, at } }),
        message: error?.text ?? null,
        components: touched,
        messages: messagesOf(outcomes),
      },
    );
  }

  async stored(upload: StoredUpload): Promise<void> {
    const commandId = await this.work.begin({
      type: 'upload',
      issuedBy: upload.actor,
      origin: 'person',
      components: [upload.componentId],
      downloadId: null,
      releaseId: upload.releaseId,
      parameters: { component: upload.componentId, version: upload.version, file: upload.fileName, size: upload.size },
    });
    await this.work.end(
      { commandId },
      {
        state: 'succeeded',
        reason: null,
        message: sameInAll(upload.fileName),
        components: [],
        versionAfter: upload.version,
      },
    );
  }
}

const END: Record<DownloadState, Pick<ServerWorkEnd, 'state' | 'reason'>> = {
  succeeded: { state: 'succeeded', reason: null },
  unchanged: { state: 'skipped', reason: 'already-current' },
  partial: { state: 'failed', reason: 'partial' },
  failed: { state: 'failed', reason: 'download' },
  // Unless a person cancelled it.
  cancelled: { state: 'cancelled', reason: 'server-stopped' },
  // Neither of them is an end.
  queued: { state: 'failed', reason: 'download' },
  running: { state: 'failed', reason: 'download' },
};

/** Something became of the component by this download. */
function isTold(outcome: string): boolean {
  return outcome === 'failed' || outcome === 'updated';
}

/** One line for each component: what failed first, then what came, then the rest. */
function messagesOf(outcomes: readonly OutcomeView[]): Sentence[] {
  const rank = ({ outcome }: OutcomeView): number => ['failed', 'updated'].indexOf(outcome) + 1 || 3;
  return [...outcomes].sort((a, b) => rank(a) - rank(b)).map(messageOf);
}

function messageOf({ id, outcome, versionBefore, versionAfter, error }: OutcomeView): Sentence {
  const versions = [versionBefore, versionAfter].filter((version) => version !== null);
  return inEach((language) => {
    const facts =
      error === null ? (isTold(outcome) ? versions.join(' → ') : '') : `${error.code}: ${error.text[language]}`;
    const key = `outcome.${outcome}`;
    return `${id}: ${isTextKey(key) ? text(language, key) : outcome}${facts === '' ? '' : `, ${facts}`}`;
  });
}
