import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { CommandStanding } from '../commands/commands.api.js';
import { DeploymentRepository } from './deployment.repository.js';
import { LateJoiners } from './late-joiners.js';
import { RingRepository } from './ring.repository.js';
import { RingRunner } from './ring.runner.js';

const SWEEP_MS = 2_000;
/** Changes of targets come in crowds: they are looked at together. */
const GATHER_MS = 300;
const PARTS_PER_SWEEP = 100;
const KEEP_DAYS = 180;
const DAY = 86_400_000;

/** Keeps deployments moving: at changes of their targets, and every few seconds for what time alone decides. Runs on every node. */
@Injectable()
export class RingSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private interval: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private work: Promise<void> = Promise.resolve();
  private sweepWaits = false;
  private stopped = false;

  constructor(
    private readonly rings: RingRepository,
    private readonly deployments: DeploymentRepository,
    private readonly runner: RingRunner,
    private readonly joiners: LateJoiners,
    private readonly commands: CommandStanding,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.commands.onChange(({ deploymentId }) => {
      if (deploymentId === null) return;
      this.changed.add(deploymentId);
      this.timer ??= setTimeout(() => this.enqueue(() => this.afterChanges()), GATHER_MS);
    });
    this.interval = setInterval(() => {
      // A sweep that still waits for its turn will see what this one would.
      if (this.sweepWaits) return;
      this.sweepWaits = true;
      this.enqueue(() => this.sweep());
    }, SWEEP_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.unsubscribe?.();
    clearTimeout(this.timer);
    clearInterval(this.interval);
    await this.work;
  }

  /** What is due by the clock. */
  async sweep(): Promise<void> {
    this.sweepWaits = false;
    for (const partId of await this.rings.due(this.clock.now(), PARTS_PER_SWEEP)) await this.look(partId);
  }

  @Cron('17 4 * * *')
  async forget(): Promise<void> {
    try {
      await this.deployments.forget(new Date(this.clock.now().getTime() - KEEP_DAYS * DAY));
    } catch (err) {
      this.logger.warn({ err }, 'old deployments could not be removed; the next day will try again');
    }
  }

  private async afterChanges(): Promise<void> {
    this.timer = undefined;
    const deployments = [...this.changed];
    this.changed.clear();
    for (const partId of await this.rings.unsettled(deployments)) await this.look(partId);
  }

  private async look(partId: string): Promise<void> {
    if (this.stopped) return;
    try {
      await this.joiners.look(partId);
      await this.runner.turn(partId);
    } catch (err) {
      // One deployment that cannot be moved must not hold up the others; it is tried with every sweep.
      this.logger.error({ err, part: partId }, 'a deployment could not be moved on; it is tried again');
    }
  }

  /** One after the other. */
  private enqueue(task: () => Promise<void>): void {
    this.work = this.work.then(async () => {
      if (this.stopped) return;
      await task().catch((err: unknown) => this.logger.warn({ err }, 'deployments could not be looked at'));
    });
  }
}
