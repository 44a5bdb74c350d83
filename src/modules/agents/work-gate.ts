import { AsyncLocalStorage } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import { AppError } from '../../platform/errors/app-error.js';

/** Connections to the database that products may take at once; the rest of the pool is for people and for what is due. */
const AT_ONCE = 12;
const MAX_WAITING = 25_000;
/** What those who wait have brought with them, all together. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** A fleet that is sent away comes back spread over so many seconds. */
const SHORTEST_RETRY = 5;
const RETRY_SPREAD = 25;

/**
 * Lets so many products through to the database at once; the others wait here in their order. Without it, ten thousand that are
 * woken together would wait for connections until they time out, and people with them.
 */
@Injectable()
export class WorkGate {
  private readonly limit = pLimit(AT_ONCE);
  private readonly inside = new AsyncLocalStorage<true>();
  private bytes = 0;

  /**
   * @param bytes what is kept in memory until the turn comes
   * @throws AppError `overloaded` with a time to come back; `internal` when the caller is inside already: twelve of those would wait
   *   for each other for ever.
   */
  async run<T>(work: () => Promise<T>, bytes = 0): Promise<T> {
    if (this.inside.getStore() === true) throw new AppError('internal', 'internal.turn');
    const tooLarge = this.bytes > 0 && this.bytes + bytes > MAX_WAITING_BYTES;
    if (tooLarge || this.limit.pendingCount >= MAX_WAITING) throw overloaded();
    this.bytes += bytes;
    try {
      return await this.limit(() => this.inside.run(true, work));
    } finally {
      this.bytes -= bytes;
    }
  }

  /** The same for who is at the other end of the connection. Nothing is done for one that has gone while it waited: it asks again. */
  runFor(client: Socket, work: () => Promise<void>, bytes?: number): Promise<void> {
    const saidAll = client.readableEnded;
    return this.run(async () => {
      // One that only closed its half while it waited cannot be told from that, and is sent away.
      if (client.readableEnded !== saidAll) throw overloaded();
      if (!client.destroyed) await work();
    }, bytes);
  }
}

/** 429, not 503: clients of hawkBit come back with the same feedback after it. */
export function overloaded(): AppError {
  return new AppError('too-many', 'overloaded', {
    details: { retryAfterSeconds: SHORTEST_RETRY + Math.floor(Math.random() * RETRY_SPREAD) },
  });
}
