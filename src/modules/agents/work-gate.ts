import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import { AppError } from '../../platform/errors/app-error.js';

/** Connections to the database that products may take at once; the rest of the pool is for people and for what is due. */
const AT_ONCE = 12;
const MAX_WAITING = 25_000;
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

  /** @throws AppError `overloaded` with a time to come back. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.limit.pendingCount >= MAX_WAITING) return Promise.reject(overloaded());
    return this.limit(work);
  }
}

/** 429, not 503: clients of hawkBit come back with the same feedback after it. */
export function overloaded(): AppError {
  return new AppError('too-many', 'overloaded', 'Too many products ask at once.', {
    details: { retryAfterSeconds: SHORTEST_RETRY + Math.floor(Math.random() * RETRY_SPREAD) },
  });
}
