import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction, retried } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { ChangeFeed } from './change-feed.js';
import { CommandRepository } from './command.repository.js';
import { OrderIntake } from './order-intake.js';

/** A fleet that ends together is looked at together. */
const PAUSE_MS = 100;

/**
 * What follows when targets end: the command ends with its last one, and whoever waited for the same component is offered.
 * Both happen after the commit, so that they see everything; a sweep repeats them for what a crash left.
 */
@Injectable()
export class CommandEnds implements OnModuleInit, OnModuleDestroy {
  private commands = new Set<string>();
  private agents = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly repository: CommandRepository,
    private readonly intake: OrderIntake,
    private readonly feed: ChangeFeed,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.feed.listen({ ordered: (seq) => this.look(seq) });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.working;
  }

  look(commandSeq: string): void {
    this.commands.add(commandSeq);
    this.later();
  }

  promoteLater(controllerIds: readonly string[]): void {
    for (const id of controllerIds) this.agents.add(id);
    this.later();
  }

  /** Everything that is due at once; for tests and sweeps. */
  settle(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.working = this.working.then(() => this.work());
    return this.working;
  }

  private later(): void {
    if (!this.stopped) this.timer ??= setTimeout(() => void this.settle(), PAUSE_MS).unref();
  }

  private async work(): Promise<void> {
    const [commands, agents] = [[...this.commands], [...this.agents]];
    this.commands = new Set();
    this.agents = new Set();
    try {
      if (agents.length > 0) await this.promote(agents);
      for (const seq of commands) await this.endOne(seq);
    } catch (fault) {
      this.logger.warn({ err: fault }, 'the ends of commands could not be looked at; the sweep will');
    }
  }

  /** @param controllerIds null: whoever waits. */
  async promote(controllerIds: string[] | null): Promise<number> {
    const offered = await retried(this.dataSource, (manager) =>
      this.intake.promote(manager, controllerIds, this.clock.now()),
    );
    this.feed.products(offered);
    return offered.length;
  }

  async endOne(seq: string): Promise<boolean> {
    const [command] = await this.repository.bySeq([seq]);
    if (command === undefined || command.endedAt !== null) return false;
    if (await this.repository.hasOpen(this.dataSource.manager, seq, command.month)) return false;
    const ended = await inTransaction(this.dataSource, (manager) =>
      this.repository.end(manager, seq, this.clock.now()),
    );
    if (ended) this.feed.command({ commandId: command.id, deploymentId: command.deploymentId });
    return ended;
  }
}
