import { Injectable } from '@nestjs/common';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { Clock } from '../../platform/clock/clock.js';
import { LicenceSettings } from '../download/download.api.js';
import type { Deployment, DeploymentPart } from './deployment.entity.js';
import type { PartOrder } from './deployment.targets.js';

/** What a running deployment still wants: its releases, judged by the catalogue and the licences of now. */
@Injectable()
export class RunningOrders {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly licences: LicenceSettings,
    private readonly clock: Clock,
  ) {}

  async of(deployment: Deployment, part: DeploymentPart): Promise<PartOrder> {
    const known = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const licences = await this.licences.read();
    const engines = part.kind === 'engines';
    const releases = deployment.releases.flatMap((release) => {
      const component = known.get(release.componentId);
      if (component === undefined || (part.kind !== 'all' && (component.kind === 'engine') !== engines)) return [];
      const { numbering, licence } = component;
      const siteLicensed = licences.covers(component, this.clock.now());
      return [{ ...release, numbering, licence, siteLicensed, olderToo: release.olderToo ?? false }];
    });
    const { rings, pauseWhen, lateJoiners } = part;
    return { kind: part.kind, plan: { rings, pauseWhen, lateJoiners }, releases };
  }
}
