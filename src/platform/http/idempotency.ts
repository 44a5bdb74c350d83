import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors/app-error.js';

/** Where answers to orders are kept, so that an order that is sent twice is carried out once. */
export abstract class IdempotencyStore {
  /** Reserves the key; answers what is recorded when it was taken before. */
  abstract reserve(
    scope: string,
    key: string,
    requestHash: Buffer,
  ): Promise<'reserved' | { requestHash: Buffer; response: unknown; done: boolean }>;
  abstract complete(scope: string, key: string, response: unknown): Promise<void>;
  abstract release(scope: string, key: string): Promise<void>;
}

const KEY_FORM = /^[\x21-\x7e]{1,200}$/;

/** `Idempotency-Key` of POSTs that create work. */
@Injectable()
export class Idempotency {
  constructor(private readonly store: IdempotencyStore) {}

  /**
   * Does the work, or gives the answer of the first time.
   * @throws AppError `idempotency-key-invalid`; `idempotency-key-reused` for the same key with another body;
   *   `idempotency-in-progress` while the first one is being worked on.
   */
  async once<T>(request: FastifyRequest, scope: string, body: unknown, work: () => Promise<T>): Promise<T> {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return work();
    if (typeof key !== 'string' || !KEY_FORM.test(key)) throw new AppError('bad-input', 'idempotency-key-invalid');
    const hash = createHash('sha256').update(JSON.stringify(body)).digest();
    const found = await this.store.reserve(scope, key, hash);
    if (found !== 'reserved') {
      if (!found.requestHash.equals(hash)) throw new AppError('unprocessable', 'idempotency-key-reused');
      if (!found.done) throw new AppError('conflict', 'idempotency-in-progress');
      return found.response as T;
    }
    try {
      const response = await work();
      await this.store.complete(scope, key, response);
      return response;
    } catch (fault) {
      await this.store.release(scope, key);
      throw fault;
    }
  }
}
