import { pino } from 'pino';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { MirrorBench } from './mirror-bench.js';

describe('a database that does not know what is published', () => {
  let bench: MirrorBench;
  let first: TestDatabase;

  beforeAll(async () => {
    bench = await MirrorBench.open();
    first = bench.haishin.database;
  });
  afterAll(async () => {
    await bench.close();
    await first.drop();
  });

  const channels = async (): Promise<Record<string, unknown>[]> =>
    (await bench.api.get('/api/v1/channels')).body.items as Record<string, unknown>[];

  /** Starts anew; returns the warnings about it. */
  const warnings = async (): Promise<string[]> => {
    const lines: string[] = [];
    await bench.restart({ logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }) });
    return lines.filter((line) => line.includes('The database does not know the snapshot in force'));
  };

  it('takes the figures of the channels from the disk, and says so in the log', async () => {
    await bench.api.download();
    const before = await channels();
    expect(await warnings()).toEqual([]);

    await bench.haishin.stop();
    bench.haishin = { ...bench.haishin, database: await createTestDatabase() };
    expect(await warnings()).toHaveLength(2);
    const publishedAt: unknown = expect.stringMatching(/^\d{4}-/);
    const facts = { reason: null, source: null, publishedAt };
    expect(await channels()).toEqual(before.map((channel) => ({ ...channel, ...facts })));
  });
});
