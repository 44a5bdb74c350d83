import type { DataSource, EntityManager } from 'typeorm';
import { IdempotencyStore, type Reservation, type UsedKey } from '../platform/http/idempotency.js';

/** An order whose process died holds its key for so long. One that merely takes longer finds, in its own transaction, that it lost it. */
const GONE = `status is null and created_at < now() - interval '5 minutes'`;

/** Keys are remembered for a day. */
export class IdempotencyRepository extends IdempotencyStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async reserve(scope: string, key: string, requestHash: Buffer): Promise<{ owner: string } | UsedKey> {
    await this.dataSource.query(
      `delete from idempotency_key where created_at < now() - interval '1 day' or (scope = $1 and key = $2 and ${GONE})`,
      [scope, key],
    );
    const [mine] = await this.dataSource.query<{ owner: string }[]>(
      `insert into idempotency_key (scope, key, request_hash) values ($1, $2, $3) on conflict do nothing returning owner`,
      [scope, key, requestHash],
    );
    if (mine !== undefined) return mine;
    const [row] = await this.dataSource.query<{ request_hash: Buffer; status: number | null; response: unknown }[]>(
      `select request_hash, status, response from idempotency_key where scope = $1 and key = $2`,
      [scope, key],
    );
    // Freed between the two statements: its first order failed, so this one may try.
    if (row === undefined) return this.reserve(scope, key, requestHash);
    return { requestHash: row.request_hash, made: row.response, done: row.status !== null };
  }

  async keep(manager: EntityManager, { scope, key, owner }: Reservation, made: unknown): Promise<boolean> {
    const [, count] = await manager.query<[unknown[], number]>(
      `update idempotency_key set status = 200, response = $4 where scope = $1 and key = $2 and owner = $3 and status is null`,
      [scope, key, owner, JSON.stringify(made)],
    );
    return count > 0;
  }

  async release({ scope, key, owner }: Reservation): Promise<void> {
    await this.dataSource.query(
      `delete from idempotency_key where scope = $1 and key = $2 and owner = $3 and status is null`,
      [scope, key, owner],
    );
  }
}
