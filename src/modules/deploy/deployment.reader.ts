import { Injectable } from '@nestjs/common';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Numbering } from '../../mirror/manifest/version.js';
import { Clock } from '../../platform/clock/clock.js';
import type { Page, PageQuery } from '../../platform/http/page.js';
import { CommandStanding, TARGET_STATES, type StateCounts } from '../commands/commands.api.js';
import { deploymentUnknown } from './deployment.errors.js';
import type { DeploymentPart } from './deployment.entity.js';
import { DeploymentRepository, type DeploymentFilter } from './deployment.repository.js';
import {
  partView,
  summaryView,
  type DeploymentView,
  type ListedDeploymentView,
  type PartView,
} from './deployment.view.js';
import { RingRepository } from './ring.repository.js';

/** What people see of deployments. */
@Injectable()
export class DeploymentReader {
  constructor(
    private readonly deployments: DeploymentRepository,
    private readonly rings: RingRepository,
    private readonly commands: CommandStanding,
    private readonly catalogue: CatalogueRepository,
    private readonly clock: Clock,
  ) {}

  async list(query: PageQuery, filter: DeploymentFilter): Promise<Page<ListedDeploymentView>> {
    const page = await this.deployments.list(query, filter);
    const parts = await this.deployments.parts(page.items.map(({ id }) => id));
    const [numberings, counts, targets] = await Promise.all([
      this.numberings(),
      this.countsOf([...parts.values()].flat()),
      this.deployments.selectionCounts([...parts.keys()]),
    ]);
    const items = page.items.map((deployment) => {
      const own = parts.get(deployment.id) ?? [];
      const summary = summaryView(deployment, own, sum(own.map(counts)), numberings);
      return { ...summary, targetCounts: targets.get(deployment.id) ?? null };
    });
    return { ...page, items };
  }

  /** @throws AppError `deployment-unknown`. */
  async get(id: string): Promise<DeploymentView> {
    const deployment = await this.deployments.find(id);
    if (deployment === null) throw deploymentUnknown(id);
    const parts = (await this.deployments.parts([id])).get(id) ?? [];
    const counts = await this.countsOf(parts);
    const views = await Promise.all(parts.map((part) => this.part(part, counts(part))));
    return {
      ...summaryView(deployment, parts, sum(parts.map(counts)), await this.numberings()),
      targets: deployment.selection,
      rings: views[0]?.rings ?? [],
      parts: views,
    };
  }

  async numberings(): Promise<Map<string, Numbering>> {
    return new Map((await this.catalogue.list()).map(({ id, numbering }) => [id, numbering]));
  }

  private async part(part: DeploymentPart, counts: StateCounts): Promise<PartView> {
    const now = this.clock.now();
    const rings = await this.deployments.rings(part.id);
    const standings = await this.rings.standings(part, now);
    return partView(part, rings, standings, counts, now);
  }

  /** Zeros once command tracking has let the command go. */
  private async countsOf(parts: readonly DeploymentPart[]): Promise<(part: DeploymentPart) => StateCounts> {
    const counts = await this.commands.countsOf(parts.map(({ commandId }) => commandId));
    return ({ commandId }) => counts.get(commandId) ?? sum([]);
  }
}

function sum(all: readonly StateCounts[]): StateCounts {
  const total = (state: (typeof TARGET_STATES)[number]): number =>
    all.reduce((number, counts) => number + (counts[state] ?? 0), 0);
  return Object.fromEntries(TARGET_STATES.map((state) => [state, total(state)])) as StateCounts;
}
