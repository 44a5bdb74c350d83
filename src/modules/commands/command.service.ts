import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { nothingAlongside, retried, type Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandRepository, type CommandHead } from './command.repository.js';
import { CommandSettings } from './command.settings.js';
import type { CancelOutcome, DeployParameters, NewCommand, NewTarget, TargetRevision } from './command.types.js';
import { Months, monthOf } from './months.js';
import { OrderIntake, type Touched } from './order-intake.js';
import { TargetRepository } from './target.repository.js';

/** Orders and what becomes of them. Everything that changes something takes effect in one transaction and wakes held polls. */
@Injectable()
export class CommandService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly commands: CommandRepository,
    private readonly targets: TargetRepository,
    private readonly intake: OrderIntake,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly months: Months,
    private readonly settings: CommandSettings,
    private readonly clock: Clock,
  ) {}

  /**
   * One short transaction, whatever the number of targets; within `manager`'s when it is given.
   * @param alongside told the command's id
   */
  async create(
    order: NewCommand,
    manager?: EntityManager,
    alongside: Alongside<string> = nothingAlongside,
  ): Promise<{ commandId: string }> {
    const setting = await this.settings.get();
    const now = this.clock.now();
    const month = monthOf(now);
    await this.months.ensure(month);
    const components = componentsOf(order);
    const row = {
      id: randomUUID(),
      month,
      type: order.type,
      origin: order.origin ?? 'person',
      issuedAt: now,
      issuedBy: order.issuedBy,
      parameters: order.parameters,
      components,
      deploymentId: order.deploymentId ?? null,
      downloadId: null,
      releaseId: null,
      tries: order.tries ?? setting.tries,
      retryMinutes: order.retryMinutes ?? setting.retryMinutes,
      expiresAt: order.expiresAt ?? new Date(now.getTime() + setting.expiryHours * 3_600_000),
      words: wordsOf(order, components),
    };
    await this.within(manager, async (transaction) => {
      await this.intake.lock(transaction);
      const seq = await this.commands.insert(transaction, row);
      const command = { ...row, seq, endedAt: null };
      await this.commands.insertTargets(transaction, command, order.targets, now, needsConfirmation(command));
      await this.intakeOf(transaction, command, null, now);
      await this.feed.announce(transaction, command, namesOf(order.targets));
      await alongside(transaction, row.id);
    });
    return { commandId: row.id };
  }

  /**
   * Late joiners; those that are targets already stay as they are, and nobody joins what a person has cancelled.
   * @returns how many were added. @throws `command-unknown`.
   */
  async addTargets(commandId: string, targets: NewTarget[], manager?: EntityManager): Promise<number> {
    const now = this.clock.now();
    return this.within(manager, async (transaction) => {
      await this.intake.lock(transaction);
      if (await this.commands.isCancelled(transaction, commandId)) return 0;
      const command = await this.held(transaction, commandId);
      const added = await this.commands.insertTargets(transaction, command, targets, now, needsConfirmation(command));
      await this.intakeOf(transaction, command, added, now);
      await this.feed.announce(transaction, command, added);
      return added.length;
    });
  }

  /**
   * Before held targets are released: takes away what they need no more, and skips those that need nothing.
   * @returns how many were skipped. @throws `command-unknown`.
   */
  async reviseHeld(commandId: string, revisions: readonly TargetRevision[], manager?: EntityManager): Promise<number> {
    const outcome = await this.within(manager, async (transaction) => {
      await this.intake.lock(transaction);
      const command = await this.held(transaction, commandId);
      const skipped = await this.targets.revise(transaction, command, revisions, this.clock.now());
      if (skipped.length === 0) return skipped;
      await this.intake.free(transaction, command.seq, skipped);
      await this.feed.announce(transaction, command, skipped);
      return skipped;
    });
    if (outcome.length > 0) this.ends.promoteLater(outcome);
    return outcome.length;
  }

  /**
   * Offers targets that a ring or `holdAll` held back.
   * @param expiresAt default: as long from now as the command had from its beginning
   * @returns how many. @throws `command-unknown`.
   */
  async releaseHeld(
    commandId: string,
    controllerIds: string[] | 'all',
    reason: string,
    manager?: EntityManager,
    expiresAt?: Date,
  ): Promise<number> {
    const now = this.clock.now();
    const ids = controllerIds === 'all' ? null : controllerIds;
    return this.within(manager, async (transaction) => {
      await this.intake.lock(transaction);
      const command = await this.held(transaction, commandId);
      const life = command.expiresAt.getTime() - command.issuedAt.getTime();
      const until = expiresAt ?? new Date(now.getTime() + life);
      const released = await this.targets.release(transaction, command, ids, { reason, now, expiresAt: until });
      await this.intakeOf(transaction, command, released, now);
      await this.feed.announce(transaction, command, released);
      return released.length;
    });
  }

  /** Takes back what no product has fetched yet, until `releaseHeld`. @returns how many; of a command that tracking has let go none. */
  async holdAll(commandId: string, reason: string, manager?: EntityManager): Promise<number> {
    return this.within(manager, async (transaction) => {
      const command = await this.commands.reopen(transaction, commandId);
      if (command === null) return 0;
      const held = await this.targets.hold(transaction, command, reason, this.clock.now());
      await this.feed.announce(transaction, command, held);
      return held.length;
    });
  }

  /**
   * Withdraws what waits, asks the products that have begun to stop.
   * @returns how many of each. @throws `command-unknown`, `command-ended`.
   */
  async cancel(
    commandId: string,
    actor: string,
    manager?: EntityManager,
    alongside: Alongside<CancelOutcome> = nothingAlongside,
  ): Promise<CancelOutcome> {
    const now = this.clock.now();
    const outcome = await this.within(manager, async (transaction) => {
      const command = await this.commands.find(commandId, transaction);
      if (command === null || command.endedAt !== null) {
        // Within a larger change (a deployment is aborted) there is simply nothing left to cancel.
        if (manager !== undefined) return null;
        throw command === null ? unknownCommand(commandId) : commandEnded();
      }
      await transaction.query(
        `update command set cancelled_at = coalesce(cancelled_at, $2), cancelled_by = coalesce(cancelled_by, $3) where seq = $1`,
        [command.seq, now, actor],
      );
      const { withdrawn, asked } = await this.targets.cancel(transaction, command, now);
      // Its last product has ended it a moment ago, which is written down only now.
      if (
        withdrawn.length + asked.length === 0 &&
        manager === undefined &&
        !(await this.commands.hasOpen(transaction, command.seq, command.month))
      )
        throw commandEnded();
      await this.intake.free(transaction, command.seq, withdrawn);
      await this.feed.announce(transaction, command, [...withdrawn, ...asked]);
      await alongside(transaction, { withdrawn: withdrawn.length, asked: asked.length });
      return { withdrawn: withdrawn.length, asked: asked.length, freed: withdrawn, command };
    });
    if (outcome === null) return { withdrawn: 0, asked: 0 };
    if (manager === undefined) this.ends.look(outcome.command.seq);
    if (outcome.freed.length > 0) this.ends.promoteLater(outcome.freed);
    return { withdrawn: outcome.withdrawn, asked: outcome.asked };
  }

  /** Another try for what failed. @returns how many. @throws `command-unknown`, `nothing-failed`. */
  async retryFailed(commandId: string, alongside: Alongside<number> = nothingAlongside): Promise<number> {
    const now = this.clock.now();
    return this.within(undefined, async (transaction) => {
      await this.intake.lock(transaction);
      const command = await this.held(transaction, commandId);
      const life = command.expiresAt.getTime() - command.issuedAt.getTime();
      const retried = await this.targets.retry(transaction, command, now, new Date(now.getTime() + life));
      if (retried.length === 0) throw new AppError('conflict', 'nothing-failed');
      await this.intakeOf(transaction, command, retried, now);
      await this.feed.announce(transaction, command, retried);
      await alongside(transaction, retried.length);
      return retried.length;
    });
  }

  /** The command's row is held until the end of the transaction; one that had ended is open again. */
  private async held(manager: EntityManager, commandId: string): Promise<CommandHead> {
    const command = await this.commands.reopen(manager, commandId);
    if (command === null) throw unknownCommand(commandId);
    return command;
  }

  /** Finds their places for new or released targets of a command that updates something. */
  private async intakeOf(
    manager: EntityManager,
    command: CommandHead,
    controllerIds: readonly string[] | null,
    now: Date,
  ): Promise<void> {
    if (command.components.length === 0 || controllerIds?.length === 0) return;
    const touched: Touched = await this.intake.place(manager, command, controllerIds, now);
    for (const each of touched.size === 0 ? [] : await this.commands.bySeq([...touched], manager))
      await this.feed.announce(manager, each, []);
  }

  private within<T>(manager: EntityManager | undefined, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return manager === undefined ? retried(this.dataSource, work) : work(manager);
  }
}

export function unknownCommand(id: string): AppError {
  return new AppError('not-found', 'command-unknown', { values: { id } });
}

function commandEnded(): AppError {
  return new AppError('conflict', 'command-ended');
}

function needsConfirmation({ type, parameters }: Pick<CommandHead, 'type' | 'parameters'>): boolean {
  return type === 'deploy' && (parameters as DeployParameters).needsConfirmation === true;
}

/** Components that the command updates; what it updates cannot be updated by another one at the same time. */
function componentsOf({ type, parameters }: NewCommand): string[] {
  if (type === 'deploy') return (parameters as DeployParameters).releases.map((release) => release.componentId);
  const { component, components } = parameters as { component?: string; components?: string[] };
  return type === 'rollback' ? (components ?? (component === undefined ? [] : [component])) : [];
}

/** Words by which a person may look for it. */
function wordsOf(order: NewCommand, components: readonly string[]): string[] {
  const releases = order.type === 'deploy' ? (order.parameters as DeployParameters).releases : [];
  const few = order.targets.length <= 20 ? order.targets.map((target) => target.controllerId) : [];
  return searchWords([
    order.type,
    order.issuedBy,
    ...components,
    ...components.flatMap((id) => id.split('-')),
    ...releases.map((release) => release.version),
    ...few,
  ]);
}

export function searchWords(texts: readonly string[]): string[] {
  const words = texts.flatMap((text) => text.toLowerCase().split(/\s+/)).map((word) => word.slice(0, 200));
  return [...new Set(words.filter((word) => word !== ''))];
}

function namesOf(targets: readonly NewTarget[]): string[] | null {
  const queued = targets.filter((target) => target.state === 'queued');
  return queued.length > 1000 ? null : queued.map((target) => target.controllerId);
}
