import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DataSource, type EntityManager } from 'typeorm';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import type { Channel } from '../../mirror/snapshot/channel.js';
import type { ComponentOutcome } from '../../mirror/snapshot/component-outcome.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { DownloadObservers, DownloadRepository } from '../download/download.api.js';
import { changeIn, ordersAfterDownload, type AutomaticOrder } from './automatic.rules.js';
import { FORCED } from './deployment.order.js';
import { DeploymentService } from './deployment.service.js';
import { DeploymentSettings } from './deployment.settings.js';
import { PlanRepository } from './plan.repository.js';
import { PlanService } from './plan.service.js';

const LOOK_MS = 20_000;
/** Downloads that ended longer ago are not made up for. */
const MAKE_UP_HOURS = 24;
const ACTOR = 'automatic deployment';

/**
 * Deploys what a download brought, as settings and plans say. Which downloads have been decided on stands in a table, so
 * that each is decided once, whichever node ran it and whichever died.
 */
@Injectable()
export class AutomaticDeployments implements OnApplicationBootstrap {
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly downloads: DownloadRepository,
    private readonly observers: DownloadObservers,
    private readonly catalogue: CatalogueRepository,
    private readonly mirrorSettings: MirrorSettings,
    private readonly settings: DeploymentSettings,
    private readonly plans: PlanRepository,
    private readonly planService: PlanService,
    private readonly deployments: DeploymentService,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.observers.add({ ended: (id) => this.after(id) });
  }

  /** Downloads whose node died between their end and the decision. */
  @Interval(LOOK_MS)
  async makeUp(): Promise<void> {
    try {
      const since = new Date(this.clock.now().getTime() - MAKE_UP_HOURS * 3_600_000);
      const rows = await this.dataSource.query<{ id: string }[]>(
        `select d.id from download d where d.finished_at > $1
           and not exists (select 1 from download_deployment x where x.download_id = d.id and x.components = '{}') order by d.finished_at limit 20`,
        [since],
      );
      for (const { id } of rows) await this.after(id);
    } catch (err) {
      this.logger.warn({ err }, 'automatic deployments could not be looked at');
    }
  }

  /** Decides on one download, after those before it. */
  after(downloadId: string): Promise<void> {
    this.work = this.work.then(() =>
      this.decide(downloadId).catch((err: unknown) =>
        this.logger.error(
          { err, download: downloadId },
          'what follows a download could not be decided; it is tried again',
        ),
      ),
    );
    return this.work;
  }

  private async decide(downloadId: string): Promise<void> {
    const download = await this.downloads.find(downloadId);
    if (download === null || download.finishedAt === null) return;
    const { defaultChannel } = await this.mirrorSettings.distribution();
    for (const order of await this.ordersOf(download.outcomes, defaultChannel))
      await this.order(order, defaultChannel, downloadId, download.finishedAt);
    await this.claim(this.dataSource.manager, downloadId, []);
  }

  private async ordersOf(outcomes: readonly ComponentOutcome[], channel: Channel): Promise<AutomaticOrder[]> {
    const known = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const updated = outcomes.flatMap((outcome) => {
      const component = known.get(outcome.id);
      const change = changeIn(channel, outcome);
      return change === null || component === undefined
        ? []
        : [{ id: outcome.id, ...change, numbering: component.numbering }];
    });
    if (updated.length === 0) return [];
    return ordersAfterDownload(updated, await this.plans.bound(), await this.settings.get());
  }

  private async order(order: AutomaticOrder, channel: Channel, downloadId: string, basisAt: Date): Promise<void> {
    try {
      await this.deployments.order(
        {
          components: order.components,
          releases: [],
          channel,
          selection: { all: true },
          plan: await this.planService.ordered(order.planId, order.enginePlanId),
          mode: FORCED,
          window: null,
          force: false,
          needsConfirmation: false,
          tries: null,
          retryMinutes: null,
          expiresInHours: null,
          trigger: 'download',
          downloadId,
          basisAt,
          actor: ACTOR,
        },
        // Two nodes, or one that comes back, never deploy the same twice: the claim stands or falls with the deployment.
        (manager) => this.claim(manager, downloadId, order.components),
      );
    } catch (fault) {
      // No product yet, or a plan that takes none of them: nothing is to be deployed, and a person was told so elsewhere.
      if (!(fault instanceof AppError) || fault.kind === 'internal' || fault.kind === 'unavailable') throw fault;
      const log = { download: downloadId, code: fault.code, components: order.components };
      if (fault.code === 'targets-empty') this.logger.debug(log, fault.message);
      else this.logger.warn(log, `nothing was deployed after the download: ${fault.message}`);
    }
  }

  /** True for the one who comes first. */
  private async claim(manager: EntityManager, downloadId: string, components: string[]): Promise<boolean> {
    const rows = await manager.query<unknown[]>(
      `insert into download_deployment (download_id, components, decided_at) values ($1, $2, $3)
       on conflict do nothing returning download_id`,
      [downloadId, components, this.clock.now()],
    );
    return rows.length === 1;
  }
}
