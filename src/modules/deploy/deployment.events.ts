import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { UpdateEventRepository } from '../download/download.api.js';
import { DeploymentObservers, type DeploymentNews } from './deployment.observers.js';

/** A deployment that paused itself stands in the update log: somebody must look. */
@Injectable()
export class DeploymentEvents implements OnApplicationBootstrap {
  constructor(
    private readonly observers: DeploymentObservers,
    private readonly events: UpdateEventRepository,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.observers.add((news) => this.record(news));
  }

  private async record({ kind, reason, deploymentId, commandId, details }: DeploymentNews): Promise<void> {
    if (kind !== 'paused' && kind !== 'awaiting-approval') return;
    await this.events.add(
      [
        {
          trigger: 'deployment',
          componentId: null,
          outcome: kind,
          version: null,
          versionBefore: null,
          actor: 'system',
          downloadId: null,
          releaseId: null,
          code: reason,
          params: { deploymentId, commandId, ...details },
        },
      ],
      this.clock.now(),
    );
  }
}
