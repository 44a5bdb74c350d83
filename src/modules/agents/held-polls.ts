import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Waker, type WakeListener } from './waker.js';

/** Polls that one node holds at most; what comes above is answered at once. */
const MAX_HELD = 25_000;
/** Of one product: it has one, and those that it has given up and that we do not know of yet. None may take the place of all others. */
const MAX_OF_ONE = 8;

export interface HeldPoll {
  /** Resolves when something may have changed, or when nothing may be held any more. */
  woken: Promise<void>;
  leave(): void;
}

/** The polls that wait here until there is something for their product. */
@Injectable()
export class HeldPolls implements WakeListener, OnModuleInit, OnModuleDestroy {
  private readonly held = new Map<string, Set<() => void>>();
  private count = 0;
  private closing = false;

  constructor(private readonly waker: Waker) {}

  onModuleInit(): void {
    this.waker.add(this);
  }

  /** A stop answers everybody, so that no product waits for a server that is gone. */
  onModuleDestroy(): void {
    this.closing = true;
    this.woken(null);
  }

  get size(): number {
    return this.count;
  }

  get open(): boolean {
    return !this.closing && this.count < MAX_HELD;
  }

  /** Whether one more poll of this product may wait here. */
  openFor(controllerId: string): boolean {
    return this.open && (this.held.get(controllerId)?.size ?? 0) < MAX_OF_ONE;
  }

  /** The caller looks at the product's work only after this, and calls `leave` in the end. */
  enter(controllerId: string): HeldPoll {
    let wake!: () => void;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const waiting = this.held.get(controllerId) ?? new Set();
    this.held.set(controllerId, waiting.add(wake));
    this.count += 1;
    return {
      woken,
      leave: () => {
        if (!waiting.delete(wake)) return;
        this.count -= 1;
        if (waiting.size === 0 && this.held.get(controllerId) === waiting) this.held.delete(controllerId);
      },
    };
  }

  woken(controllerIds: readonly string[] | null): void {
    const ids = controllerIds ?? [...this.held.keys()];
    for (const id of ids) for (const wake of this.held.get(id) ?? []) wake();
  }
}
