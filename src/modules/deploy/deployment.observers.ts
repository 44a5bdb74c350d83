import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import type { PartKind } from './deployment.entity.js';

export interface DeploymentNews {
  deploymentId: string;
  commandId: string;
  part: PartKind;
  /** `paused` by itself, because a person must look; never for a pause that a person ordered. */
  kind: 'started' | 'paused' | 'ring-opened' | 'awaiting-approval' | 'finished';
  /** Stable code; only for `paused`. */
  reason: string | null;
  details: Record<string, unknown>;
}

/** What others want to know of deployments: notifications, the event stream. Told once, by the node that made the change. */
export type DeploymentObserver = (news: DeploymentNews) => Promise<void> | void;

/** Tells the observers; their faults are logged and never reach the deployment. */
@Injectable()
export class DeploymentObservers {
  private readonly observers = new Set<DeploymentObserver>();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  add(observer: DeploymentObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  async tell(news: DeploymentNews): Promise<void> {
    for (const observer of this.observers) {
      try {
        await observer(news);
      } catch (fault) {
        this.logger.error({ err: fault, deployment: news.deploymentId }, 'an observer of deployments failed');
      }
    }
  }
}
