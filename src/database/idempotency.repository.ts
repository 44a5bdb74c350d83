import type { DataSource } from 'typeorm';
import { IdempotencyStore } from '../platform/http/idempotency.js';

/** Keys are remembered for a day; an order that never ended (its process died) frees its key after five minutes. */
export class IdempotencyRepository extends IdempotencyStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async reserve(
    scope: string,
    key: string,
    requestHash: Buffer,
  ): Promise<'reserved' | { requestHash: Buffer; response: unknown; done: boolean }> {
    await this.dataSource.query(
      `delete from idempotency_key where created_at < now() - interval '1 day'
         or (scope = $1 and key = $2 and status is null and created_at < now() - interval '5 minutes')`,
      [scope, key],
    );
    const inserted = await this.dataSource.query<unknown[]>(
      `insert into idempotency_key (scope, key, request_hash) values ($1, $2, $3) on conflict do nothing returning key`,
      [scope, key, requestHash],
    );
    if (inserted.length > 0) return 'reserved';
    const [row] = await this.dataSource.query<{ request_hash: Buffer; status: number | null; response: unknown }[]>(
      `select request_hash, status, response from idempotency_key where scope = $1 and key = $2`,
      [scope, key],
    );
    // Freed between the two statements: its first order failed, so this one may try.
    if (row === undefined) return this.reserve(scope, key, requestHash);
    return { requestHash: row.request_hash, response: row.response, done: row.status !== null };
  }

  async complete(scope: string, key: string, response: unknown): Promise<void> {
    await this.dataSource.query(
      `update idempotency_key set status = 200, response = $3 where scope = $1 and key = $2`,
      [scope, key, JSON.stringify(response)],
    );
  }

  async release(scope: string, key: string): Promise<void> {
    await this.dataSource.query(`delete from idempotency_key where scope = $1 and key = $2 and status is null`, [
      scope,
      key,
    ]);
  }
}
