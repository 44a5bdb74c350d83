import type { EntityManager } from 'typeorm';
import type { CommandChange, NewCommand, NewTarget, StateCounts, TargetFilter, TargetRow } from './command.types.js';

/** Orders and what becomes of them. Everything that changes something takes effect in one transaction and wakes held polls. */
export abstract class CommandService {
  /** One short transaction, whatever the number of targets; within `manager`'s when it is given. */
  abstract create(order: NewCommand, manager?: EntityManager): Promise<{ commandId: string }>;

  /** Late joiners; those that are targets already stay as they are. @returns how many were added. */
  abstract addTargets(commandId: string, targets: NewTarget[], manager?: EntityManager): Promise<number>;

  /**
   * Offers targets that a ring or `holdAll` held back. With `expiresAt` their time counts anew from here: who waited for a
   * late ring is not expired before he was told. @returns how many.
   */
  abstract releaseHeld(
    commandId: string,
    controllerIds: string[] | 'all',
    reason: string,
    manager?: EntityManager,
    expiresAt?: Date,
  ): Promise<number>;

  /** Takes back what no product has fetched yet, until `releaseHeld`. @returns how many. */
  abstract holdAll(commandId: string, reason: string, manager?: EntityManager): Promise<number>;

  /** Withdraws what waits, asks the products that have begun to stop. @returns how many of each. */
  abstract cancel(
    commandId: string,
    actor: string,
    manager?: EntityManager,
  ): Promise<{ withdrawn: number; asked: number }>;

  /** Another try for what failed. @returns how many. */
  abstract retryFailed(commandId: string, actor: string): Promise<number>;

  abstract countsByState(commandId: string, manager?: EntityManager): Promise<StateCounts>;

  /** In order of the controllerId; at most `limit` (default 500). */
  abstract targetsOf(commandId: string, filter?: TargetFilter): Promise<TargetRow[]>;

  /** Changes made by any node; may come late or be lost with the connection to the database, so look at the tables too. */
  abstract onChange(listener: (change: CommandChange) => void): () => void;
}
