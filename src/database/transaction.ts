import type { DataSource, EntityManager } from 'typeorm';

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Keep everything that waits for
 * others (HTTP, disk) outside.
 */
export function inTransaction<T>(dataSource: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  return dataSource.transaction('READ COMMITTED', work);
}
