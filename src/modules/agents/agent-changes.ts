import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NotificationBus } from '../../database/notify.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { Waker } from './waker.js';

const CHANNEL = 'haishin_agents';
/** As many ids as surely fit into one notification. */
const MAX_NAMED = 30;
const COLLECT_MS = 50;

/** Carries changes of agents, groups and tokens to the memory of every node. */
@Injectable()
export class AgentChanges implements OnModuleInit, OnModuleDestroy {
  private unsubscribe: (() => Promise<void>) | undefined;
  private readonly node = randomUUID();
  private soon = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: NotificationBus,
    private readonly waker: Waker,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Not awaited by the start: a bus that is away connects later and then tells that all is to be looked at again. */
  async onModuleInit(): Promise<void> {
    this.unsubscribe = await this.bus.subscribe(CHANNEL, {
      onMessage: (payload) => this.received(payload),
      onReconnected: () => this.waker.wakeAll(),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
    await this.unsubscribe?.();
  }

  /** While this is false, other nodes' changes do not arrive and memory may be trusted for a moment only. */
  get connected(): boolean {
    return this.bus.connected;
  }

  /** After the change was committed. null: something that concerns all of them. */
  async publish(controllerIds: readonly string[] | null): Promise<void> {
    // This node at once: whoever made the change must see it with the next request.
    if (controllerIds === null) this.waker.wakeAll();
    else this.waker.wake(controllerIds);
    await this.tell(controllerIds);
  }

  /** As `publish`, for what happens by the thousand: other nodes hear of many at once, a moment later. */
  publishSoon(controllerIds: readonly string[]): void {
    this.waker.wake(controllerIds);
    for (const id of controllerIds) this.soon.add(id);
    this.timer ??= setTimeout(() => void this.flush(), COLLECT_MS).unref();
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const ids = [...this.soon];
    this.soon = new Set();
    await this.tell(ids);
  }

  private async tell(controllerIds: readonly string[] | null): Promise<void> {
    try {
      if (controllerIds === null) await this.bus.publish(CHANNEL, JSON.stringify({ n: this.node, a: null }));
      else
        for (let i = 0; i < controllerIds.length; i += MAX_NAMED)
          await this.bus.publish(CHANNEL, JSON.stringify({ n: this.node, a: controllerIds.slice(i, i + MAX_NAMED) }));
    } catch (fault) {
      this.logger.warn({ err: fault }, 'other nodes could not be told of a change; they notice within a minute');
    }
  }

  private received(payload: string): void {
    const { n, a } = JSON.parse(payload) as { n: string; a: string[] | null };
    // What this node said it knows already.
    if (n === this.node) return;
    if (a === null) this.waker.wakeAll();
    else this.waker.wake(a);
  }
}
