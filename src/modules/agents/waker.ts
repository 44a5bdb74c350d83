import { Injectable } from '@nestjs/common';

/** Who wants to know that something changed for products: the memory of the directory, then the held polls. */
export interface WakeListener {
  /** null: for all of them. */
  woken(controllerIds: readonly string[] | null): void;
}

/**
 * Tells this node's parts that something changed for some products. Other nodes are told by who makes the change: commands by
 * their own channel, agents by `AgentChanges`.
 */
@Injectable()
export class Waker {
  private readonly listeners: WakeListener[] = [];

  add(listener: WakeListener): void {
    this.listeners.push(listener);
  }

  wake(controllerIds: readonly string[]): void {
    if (controllerIds.length > 0) for (const listener of this.listeners) listener.woken(controllerIds);
  }

  wakeAll(): void {
    for (const listener of this.listeners) listener.woken(null);
  }
}
