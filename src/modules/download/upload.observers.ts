import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';

export interface StoredUpload {
  releaseId: string;
  componentId: string;
  /** Raw. */
  version: string;
  /** As the person's file was called. */
  fileName: string;
  /** Bytes. */
  size: number;
  actor: string;
  at: Date;
  /** Null when the release was recorded but something newer stays in force. */
  snapshotId: string | null;
  published: boolean;
}

/** What others want to know of uploads: command tracking, deployments that wait for new versions. */
export interface UploadObserver {
  stored(upload: StoredUpload): Promise<void> | void;
}

/** Tells the observers; their faults are logged and never reach the upload. */
@Injectable()
export class UploadObservers {
  private readonly observers = new Set<UploadObserver>();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  add(observer: UploadObserver): void {
    this.observers.add(observer);
  }

  async stored(upload: StoredUpload): Promise<void> {
    for (const observer of this.observers) {
      try {
        await observer.stored(upload);
      } catch (fault) {
        this.logger.error({ err: fault, release: upload.releaseId }, 'an observer of uploads failed');
      }
    }
  }
}
