import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { silentLogger } from './silent-logger.js';
import { createTestDatabase } from './test-database.js';

export interface TestDataSource {
  dataSource: DataSource;
  /** Ends the connections and drops the database. */
  drop(): Promise<void>;
}

/** A database of its own with the present schema, and connections to it as the server has them. */
export async function openTestDataSource(
  entities: Parameters<typeof createDataSource>[0]['entities'],
  poolSize = 1,
): Promise<TestDataSource> {
  const database = await createTestDatabase();
  const dataSource = await createDataSource({ url: database.url, poolSize, entities, logger: silentLogger })
    .initialize()
    .catch(async (fault: unknown) => {
      await database.drop();
      throw fault;
    });
  return {
    dataSource,
    drop: async () => {
      await dataSource.destroy();
      await database.drop();
    },
  };
}
