import type { DataSource, EntityManager } from 'typeorm';

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Keep everything that waits for
 * others (HTTP, disk) outside.
 */
export async function inTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const committed: (() => void)[] = [];
  const result = await dataSource.transaction('READ COMMITTED', (manager) => {
    afterwards.set(manager, committed);
    return work(manager);
  });
  for (const each of committed) each();
  return result;
}

/**
 * Writes what belongs to an act in the act's own transaction: its line in the audit, what a repeat is told. It is called last, may be
 * called again when the transaction is, and may use no other connection: a crowd of orders would wait for each other's.
 */
export type Alongside<T> = (manager: EntityManager, made: T) => Promise<void>;

export const nothingAlongside = (): Promise<void> => Promise.resolve();

const afterwards = new WeakMap<EntityManager, (() => void)[]>();

/**
 * Runs `then` in this process as soon as the transaction is committed, before its caller goes on; never when it is rolled back.
 * `then` must not throw.
 */
export function afterCommit(manager: EntityManager, then: () => void): void {
  afterwards.get(manager)?.push(then);
}

/** 40P01 deadlock detected, 40001 serialization failure: the other one went first, and the same work will now succeed. */
const LOST_RACE = new Set(['40P01', '40001']);
const TRIES = 4;

/** As `inTransaction`; work that lost a race against another transaction is done again, so it must change nothing else. */
export async function retried<T>(dataSource: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(dataSource, work);
    } catch (fault) {
      const code = (fault as { code?: unknown } | null)?.code;
      if (attempt >= TRIES || typeof code !== 'string' || !LOST_RACE.has(code)) throw fault;
    }
  }
}
