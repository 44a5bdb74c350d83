import { Injectable } from '@nestjs/common';
import { CatalogueRepository, unknownComponent } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import type { Channel } from '../../mirror/snapshot/channel.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import type { FleetSelection } from '../agents/agents.api.js';
import { ReleaseRepository } from '../../mirror/snapshot/release.repository.js';
import { SnapshotRepository } from '../../mirror/snapshot/snapshot.repository.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { isUuid } from '../../platform/http/uuid.js';
import { ComponentService, LicenceSettings, type Licences } from '../download/download.api.js';
import type { DeploymentOrder } from './deployment.order.js';
import { requireOpening } from './deployment.order.js';
import { planTargets, splitParts, type PartOrder, type PlannedTarget } from './deployment.targets.js';
import { planRefused } from './plan.errors.js';
import { planFaults } from './plan.rules.js';
import { ProductRepository } from './product.repository.js';
import type { WantedRelease } from './target-decision.js';

export interface PlannedPart extends PartOrder {
  targets: PlannedTarget[];
}

/** Turns an order into targets; writes nothing, so that a preview is the same calculation as the order. */
@Injectable()
export class DeploymentPlanner {
  constructor(
    private readonly products: ProductRepository,
    private readonly catalogue: CatalogueRepository,
    private readonly components: ComponentService,
    private readonly releases: ReleaseRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly settings: MirrorSettings,
    private readonly licences: LicenceSettings,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws AppError `deployment-empty`, `component-unknown`, `component-not-carried`, `release-unknown`,
   *   `component-twice`, `targets-empty`, `agent-unknown`, `agent-group-unknown`, `window-never-opens`, a code of the plan's
   *   rules, `plan-selects-nobody`.
   */
  async plan(order: DeploymentOrder): Promise<PlannedPart[]> {
    const now = this.clock.now();
    requireOpening(order, now);
    for (const plan of [order.plan.definition, order.plan.engines]) {
      const faults = plan === null ? [] : planFaults(plan);
      if (faults.length > 0) throw planRefused(faults);
    }
    const parts = await this.parts(order);
    const products = await this.products.select(requireNamed(order.selection));
    if (products.length === 0) throw new AppError('unprocessable', 'targets-empty.no-product');
    const planned = parts.map((part) => ({
      ...part,
      targets: planTargets(part, products, { force: order.force, now }),
    }));
    for (const part of planned) requireSomebody(part);
    return planned;
  }

  /** What is to be deployed, by the plans it follows. */
  async parts(order: DeploymentOrder): Promise<PartOrder[]> {
    if (order.components.length + order.releases.length === 0) throw new AppError('unprocessable', 'deployment-empty');
    const known = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const channel = order.channel ?? (await this.settings.distribution()).defaultChannel;
    const licences = await this.licences.read();
    const wanted = [
      ...(await this.currentReleases(order.components, known, channel, licences)),
      ...(await this.namedReleases(order.releases, known, channel, licences)),
    ];
    const twice = wanted.find((each, at) => wanted.findIndex((other) => other.componentId === each.componentId) !== at);
    if (twice !== undefined)
      throw new AppError('unprocessable', 'component-twice', {
        details: { component: twice.componentId },
      });
    const { definition, engines } = order.plan;
    return splitParts(wanted, (id) => known.get(id)?.kind === 'engine', definition, engines);
  }

  private async currentReleases(
    ids: string[],
    known: ReadonlyMap<string, Component>,
    channel: Channel,
    licences: Licences,
  ): Promise<WantedRelease[]> {
    if (ids.length === 0) return [];
    const current = (await this.components.currentReleases())[channel];
    const pinned = new Set(
      (await this.snapshots.pins()).filter((pin) => pin.channel === channel).map((pin) => pin.componentId),
    );
    const missing = ids.filter((id) => known.has(id) && !current.has(id));
    return [...new Set(ids)].map((id) => {
      const component = known.get(id);
      if (component === undefined) throw unknownComponent(id);
      const release = current.get(id);
      if (release === undefined)
        throw new AppError('unprocessable', 'component-not-carried', { details: { components: missing, channel } });
      return this.wantedRelease(component, release, channel, licences, pinned.has(id));
    });
  }

  private async namedReleases(
    ids: string[],
    known: ReadonlyMap<string, Component>,
    channel: Channel,
    licences: Licences,
  ): Promise<WantedRelease[]> {
    const found = await this.releases.findMany(ids.filter((id) => isUuid(id)).map((id) => id.toLowerCase()));
    return [...new Set(ids)].map((id) => {
      const release = found.get(id.toLowerCase());
      if (release === undefined) throw new AppError('not-found', 'release-unknown', { details: { release: id } });
      const component = known.get(release.componentId);
      if (component === undefined) throw unknownComponent(release.componentId);
      return this.wantedRelease(component, release, channel, licences, true);
    });
  }

  private wantedRelease(
    component: Component,
    release: Release,
    channel: Channel,
    licences: Licences,
    olderToo: boolean,
  ): WantedRelease {
    return {
      componentId: component.id,
      releaseId: release.id,
      version: release.version,
      variant: release.variant,
      channel,
      numbering: component.numbering,
      licence: component.licence,
      siteLicensed: licences.covers(component, this.clock.now()),
      olderToo,
    };
  }
}

function requireNamed(selection: FleetSelection): FleetSelection {
  const lists = [selection.agents, selection.groups, selection.tags, selection.productTypes];
  if (selection.all !== true && lists.every((list) => list === undefined || list.length === 0))
    throw new AppError('unprocessable', 'targets-empty.unnamed');
  return selection;
}

/** A plan of whose rings none takes any of these products would deploy nothing, silently. */
function requireSomebody(part: PlannedPart): void {
  if (part.plan.lateJoiners || part.targets.some(({ action }) => action === 'deploy')) return;
  if (!part.targets.some(({ reason }) => reason === 'no-ring')) return;
  throw new AppError('unprocessable', 'plan-selects-nobody');
}
