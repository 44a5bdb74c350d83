import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NotificationBus } from '../../database/notify.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { Waker } from './waker.js';

const CHANNEL = 'haishin_agents';
/** As many ids as surely fit into one notification. */
const MAX_NAMED = 30;

/** Carries changes of agents, groups and tokens to the memory of every node. */
@Injectable()
export class AgentChanges implements OnModuleInit, OnModuleDestroy {
  private unsubscribe: (() => Promise<void>) | undefined;

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
    try {
      if (controllerIds === null) await this.bus.publish(CHANNEL, 'null');
      else
        for (let i = 0; i < controllerIds.length; i += MAX_NAMED)
          await this.bus.publish(CHANNEL, JSON.stringify(controllerIds.slice(i, i + MAX_NAMED)));
    } catch (fault) {
      this.logger.warn({ err: fault }, 'other nodes could not be told of a change; they notice within a minute');
    }
  }

  private received(payload: string): void {
    const named = JSON.parse(payload) as string[] | null;
    if (named === null) this.waker.wakeAll();
    else this.waker.wake(named);
  }
}
