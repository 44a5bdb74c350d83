import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { UpdateEvent } from '../../src/modules/download/update-event.entity.js';
import { UpdateEventRepository, type EventFilter } from '../../src/modules/download/update-event.repository.js';
import { silentLogger } from '../support/silent-logger.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const LINES = 20_000;
const RARE = 3;

describe('the update log with many lines', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let repository: UpdateEventRepository;

  beforeAll(async () => {
    database = await createTestDatabase();
    // One connection: what it has read is told by the server when it is asked to.
    dataSource = await createDataSource({
      url: database.url,
      poolSize: 1,
      entities: [UpdateEvent],
      logger: silentLogger,
    }).initialize();
    repository = new UpdateEventRepository(dataSource);
    await dataSource.query(`insert into update_event (at, trigger, component_id, outcome, actor)
      select now(), case when n <= ${RARE} then 'rollback' else 'schedule' end,
        case when n <= ${RARE} then 'rare-pattern' else 'virus-pattern' end,
        case when n <= ${RARE} then 'failed' else 'updated' end, 'schedule'
      from generate_series(1, ${LINES}) as n`);
    await dataSource.query('analyze update_event');
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  async function linesRead(): Promise<number> {
    await dataSource.query('select pg_stat_force_next_flush()');
    const [row] = await dataSource.query<{ read: number }[]>(
      `select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read
       from pg_stat_user_tables where relname = 'update_event'`,
    );
    return row!.read;
  }

  it.each<EventFilter>([{ component: 'rare-pattern' }, { trigger: 'rollback' }, { outcome: 'failed' }])(
    'finds rare ones without reading the others: %j',
    async (filter) => {
      const before = await linesRead();
      expect((await repository.list({ limit: 50 }, filter)).items).toHaveLength(RARE);
      expect((await linesRead()) - before).toBeLessThan(100);
    },
  );
});
