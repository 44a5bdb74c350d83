import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { NotificationBus } from '../../database/notify.js';
import { afterCommit } from '../../database/transaction.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { Waker, WakeUpCalls } from '../agents/agents.api.js';
import type { CommandHead } from './command.repository.js';
import { CommandRepository } from './command.repository.js';
import { OpenMonths } from './open-months.js';
import type { CommandChange } from './command.types.js';
import type { TargetState } from './target-states.js';

const CHANNEL = 'haishin_commands';
/** Changes of single targets are collected for so long: a fleet that reports at once makes few messages. */
const COLLECT_MS = 100;
/** Products named in one message; more of them are looked up. */
const MAX_NAMED = 20;
const MAX_MESSAGE = 7_500;
/** Names of 200 characters at most. */
const MAX_OFFERED = 30;

/** One target that came into another state. */
export interface TargetChange extends CommandChange {
  controllerId: string;
  state: TargetState;
  reason: string | null;
}

export interface ChangeListener {
  command?(change: CommandChange): void;
  target?(change: TargetChange): void;
  /** An order of this node was committed. */
  ordered?(commandSeq: string): void;
}

type CommandRef = Pick<CommandHead, 'id' | 'seq' | 'month' | 'deploymentId'>;

/** `o`: an order was given or taken back; `t`: targets changed; `p`: products are offered something; all name the node that says it. */
type Message =
  | { n: string; o: { id: string; seq: string; month: string; dep: string | null; agents: string[] | null } }
  | { n: string; p: string[] }
  | { n: string; t: { id: string; dep: string | null; targets: [string, TargetState, string | null, boolean][] }[] };

/**
 * Tells every node what changed about commands: held polls wake, memories forget, listeners hear. Orders are announced by the
 * transaction that makes them; single targets are collected, because a notification in every feedback would make all of them
 * commit one after the other.
 */
@Injectable()
export class ChangeFeed implements OnModuleInit, OnModuleDestroy {
  private readonly node = randomUUID().slice(0, 8);
  private readonly listeners = new Set<ChangeListener>();
  private pending = new Map<
    string,
    { change: CommandChange; targets: Map<string, [TargetState, string | null, boolean]> }
  >();
  private offered = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    private readonly bus: NotificationBus,
    private readonly commands: CommandRepository,
    private readonly months: OpenMonths,
    private readonly waker: Waker,
    private readonly wakeUps: WakeUpCalls,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    this.unsubscribe = await this.bus.subscribe(CHANNEL, {
      onMessage: (payload) => this.received(payload),
      onReconnected: () => {
        this.months.forget();
        this.waker.wakeAll();
      },
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
    await this.unsubscribe?.();
  }

  listen(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Announced when the transaction commits. `agents`: whom it concerns. */
  async announce(manager: EntityManager, command: CommandRef, agents: readonly string[] | null): Promise<void> {
    const named = agents !== null && agents.length <= MAX_NAMED ? [...agents] : null;
    const message: Message = {
      n: this.node,
      o: { id: command.id, seq: command.seq, month: command.month, dep: command.deploymentId, agents: named },
    };
    await this.bus.publishWithin(manager, CHANNEL, JSON.stringify(message));
    this.months.add(command.month);
    // Whoever gave the order may ask here at once, before the notification has come back.
    if (named !== null) afterCommit(manager, () => this.waker.wake(named));
  }

  /**
   * After the commit. `wakes`: what the product is offered changed, so its memory must go everywhere.
   */
  target(change: TargetChange, wakes: boolean): void {
    const { commandId, deploymentId, controllerId, state, reason } = change;
    if (wakes) this.waker.wake([controllerId]);
    for (const listener of this.listeners) this.guarded(() => listener.target?.(change));
    const known = this.pending.get(commandId) ?? {
      change: { commandId, deploymentId },
      targets: new Map<string, never>(),
    };
    const woken = known.targets.get(controllerId)?.[2] === true || wakes;
    known.targets.set(controllerId, [state, reason, woken]);
    this.pending.set(commandId, known);
    this.collect();
  }

  /** After the commit: the command's own standing changed. */
  command(change: CommandChange): void {
    if (!this.pending.has(change.commandId)) this.pending.set(change.commandId, { change, targets: new Map() });
    this.collect();
  }

  /** After the commit: what these products are offered changed for another reason than their own report. */
  products(controllerIds: readonly string[]): void {
    if (controllerIds.length === 0) return;
    this.waker.wake(controllerIds);
    for (const id of controllerIds) this.offered.add(id);
    this.collect();
    this.wakeUps
      .call(controllerIds)
      .catch((fault: unknown) =>
        this.logger.debug({ err: fault }, 'products could not be called for what they may do now; their polls find it'),
      );
  }

  private collect(): void {
    this.timer ??= setTimeout(() => void this.flush(), COLLECT_MS).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const changes = [...this.pending.values()];
    this.pending = new Map();
    const offered = [...this.offered];
    this.offered = new Set();
    for (const { change } of changes) this.tellCommand(change);
    try {
      for (const message of messagesOf(this.node, changes)) await this.bus.publish(CHANNEL, message);
      for (let i = 0; i < offered.length; i += MAX_OFFERED)
        await this.bus.publish(CHANNEL, JSON.stringify({ n: this.node, p: offered.slice(i, i + MAX_OFFERED) }));
    } catch (fault) {
      this.logger.debug({ err: fault }, 'other nodes could not be told of targets; they look again when they can');
    }
  }

  private received(payload: string): void {
    const message = JSON.parse(payload) as Message;
    if ('o' in message) {
      this.months.add(message.o.month);
      void this.ordered(message.o, message.n === this.node);
      return;
    }
    if (message.n === this.node) return;
    if ('p' in message) {
      this.waker.wake(message.p);
      return;
    }
    for (const { id, dep, targets } of message.t) {
      this.waker.wake(targets.filter(([, , , woken]) => woken).map(([controllerId]) => controllerId));
      for (const [controllerId, state, reason] of targets)
        for (const listener of this.listeners)
          this.guarded(() => listener.target?.({ commandId: id, deploymentId: dep, controllerId, state, reason }));
      this.tellCommand({ commandId: id, deploymentId: dep });
    }
  }

  private async ordered(
    order: { id: string; seq: string; month: string; dep: string | null; agents: string[] | null },
    own: boolean,
  ): Promise<void> {
    try {
      const ids = order.agents ?? (await this.commands.concerned(order.seq, order.month));
      this.waker.wake(ids);
      this.tellCommand({ commandId: order.id, deploymentId: order.dep });
      if (!own) return;
      for (const listener of this.listeners) this.guarded(() => listener.ordered?.(order.seq));
      // Every node wakes whom it holds; one of them calls.
      await this.wakeUps.call(ids);
    } catch (fault) {
      this.logger.warn(
        { err: fault, command: order.id },
        'products could not be woken for an order; their polls find it',
      );
    }
  }

  private tellCommand(change: CommandChange): void {
    for (const listener of this.listeners) this.guarded(() => listener.command?.(change));
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (fault) {
      this.logger.error({ err: fault }, 'a listener of commands failed');
    }
  }
}

/** As many messages as it takes, each below the limit of a notification. */
function messagesOf(
  node: string,
  changes: { change: CommandChange; targets: Map<string, [TargetState, string | null, boolean]> }[],
): string[] {
  const messages: string[] = [];
  for (const { change, targets } of changes) {
    let part: [string, TargetState, string | null, boolean][] = [];
    let size = 200;
    const send = (): void => {
      const message: Message = { n: node, t: [{ id: change.commandId, dep: change.deploymentId, targets: part }] };
      messages.push(JSON.stringify(message));
      part = [];
      size = 200;
    };
    for (const [id, [state, reason, woken]] of targets) {
      part.push([id, state, reason, woken]);
      size += Buffer.byteLength(id) + (reason?.length ?? 4) + 40;
      if (size > MAX_MESSAGE - 300) send();
    }
    if (part.length > 0 || targets.size === 0) send();
  }
  return messages;
}
