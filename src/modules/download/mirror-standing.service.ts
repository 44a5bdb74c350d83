import { Injectable } from '@nestjs/common';
import { ComponentService } from './component.service.js';
import type { DownloadState } from './download.entity.js';
import { DownloadRepository } from './download.repository.js';

/** What somebody who is on duty wants to be woken for. */
export interface MirrorStanding {
  /** When a download last ended so; states in which none has ended yet are absent. */
  lastFinished: { state: DownloadState; at: Date }[];
  /** As the default channel has them. */
  components: {
    id: string;
    updateNeeded: boolean;
    /** Why and since when it is not known what the source offers; null while it is known. */
    unknown: { reason: string; since: Date } | null;
  }[];
}

@Injectable()
export class MirrorStandingService {
  constructor(
    private readonly components: ComponentService,
    private readonly downloads: DownloadRepository,
  ) {}

  async read(): Promise<MirrorStanding> {
    const [lastFinished, components] = await Promise.all([this.downloads.lastFinished(), this.components.list()]);
    return {
      lastFinished,
      components: components.map(({ id, updateNeeded, available: { state, reason, since } }) => ({
        id,
        updateNeeded,
        unknown:
          state === 'unknown' && since !== null ? { reason: reason ?? 'not-asked-yet', since: new Date(since) } : null,
      })),
    };
  }
}
