import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { EntityManager } from 'typeorm';
import { AppError } from '../errors/app-error.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever lets requests in says here, in a word that nobody else has, whose this one is. */
    caller?: string;
  }
}

/** A key that is being worked on, and by whom: a repeat may take it over when its owner seems to be gone. */
export interface Reservation {
  scope: string;
  key: string;
  owner: string;
}

/** A key that was used before; `made` is null while its order is being worked on. */
export interface UsedKey {
  requestHash: Buffer;
  made: unknown;
  done: boolean;
}

/** Where it is kept what orders have made, so that an order that is sent twice is carried out once. */
export abstract class IdempotencyStore {
  /** Reserves the key; answers what is recorded when it was taken before. */
  abstract reserve(scope: string, key: string, requestHash: Buffer): Promise<{ owner: string } | UsedKey>;
  /** In the transaction of the order. @returns false when the reservation is its owner's no more. */
  abstract keep(manager: EntityManager, reservation: Reservation, made: unknown): Promise<boolean>;
  /** Gives back a reservation of which nothing came; does nothing once something was made. */
  abstract release(reservation: Reservation): Promise<void>;
}

/** Records what an order has made. To be called in the transaction that carries it out, as its last statement: all or nothing. */
export type Keep<T> = (manager: EntityManager, made: T) => Promise<void>;

const KEY_FORM = /^[\x21-\x7e]{1,200}$/;

/** Describes the header of routes that call `once`. */
export function TakesIdempotencyKey(): MethodDecorator {
  return ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'Of your making; for a day, a repeat with the same key and token is not carried out again and is told what the first one made. ' +
      'Of an order that failed nothing is remembered.',
    schema: { type: 'string', pattern: KEY_FORM.source },
  });
}

/** `Idempotency-Key` of POSTs that create work. */
@Injectable()
export class Idempotency {
  constructor(private readonly store: IdempotencyStore) {}

  /**
   * Does the work, or tells what it made the first time. Each caller has its own keys.
   * @throws AppError `idempotency-key-invalid`; `idempotency-key-reused` for the same key with another body;
   *   `idempotency-in-progress` while the first one is being worked on, and to the first one when its repeat has taken over.
   */
  async once<T>(
    request: FastifyRequest,
    scope: string,
    body: unknown,
    work: (keep: Keep<T>) => Promise<T>,
  ): Promise<T> {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return work(() => Promise.resolve());
    if (typeof key !== 'string' || !KEY_FORM.test(key)) throw new AppError('bad-input', 'idempotency-key-invalid');
    const hash = createHash('sha256').update(JSON.stringify(body)).digest();
    const own = `${scope} ${request.caller ?? ''}`;
    const found = await this.store.reserve(own, key, hash);
    if (!('owner' in found)) return answerOf<T>(found, hash);
    const reservation: Reservation = { scope: own, key, owner: found.owner };
    try {
      return await work(async (manager, made) => {
        if (!(await this.store.keep(manager, reservation, made)))
          throw new AppError('conflict', 'idempotency-in-progress.taken-over');
      });
    } catch (fault) {
      // Where this cannot be done either, the key becomes free by itself.
      await this.store.release(reservation).catch(() => undefined);
      throw fault;
    }
  }
}

function answerOf<T>(found: UsedKey, hash: Buffer): T {
  if (!found.requestHash.equals(hash)) throw new AppError('unprocessable', 'idempotency-key-reused');
  if (!found.done) throw new AppError('conflict', 'idempotency-in-progress');
  return found.made as T;
}
