import type { DataSource } from 'typeorm';
import { UpdateEvent } from '../../src/modules/download/update-event.entity.js';
import { UpdateEventRepository, type EventFilter } from '../../src/modules/download/update-event.repository.js';
import { openTestDataSource, type TestDataSource } from '../support/test-data-source.js';

const LINES = 20_000;
const RARE = 3;

describe('the update log with many lines', () => {
  let database: TestDataSource;
  let dataSource: DataSource;
  let repository: UpdateEventRepository;

  beforeAll(async () => {
    // One connection: what it has read is told by the server when it is asked to.
    database = await openTestDataSource([UpdateEvent], 1);
    dataSource = database.dataSource;
    repository = new UpdateEventRepository(dataSource);
    await dataSource.query(`insert into update_event (at, trigger, component_id, outcome, actor)
      select now(), case when n <= ${RARE} then 'rollback' else 'schedule' end,
        case when n <= ${RARE} then 'rare-pattern' else 'virus-pattern' end,
        case when n <= ${RARE} then 'failed' else 'updated' end, 'schedule'
      from generate_series(1, ${LINES}) as n`);
    await dataSource.query('analyze update_event');
  });

  afterAll(() => database.drop());

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
