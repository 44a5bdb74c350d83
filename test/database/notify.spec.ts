import pg from 'pg';

import { createDataSource } from '../../src/database/data-source.js';
import { NotificationBus } from '../../src/database/notify.js';
import { inTransaction } from '../../src/database/transaction.js';
import { silentLogger } from '../support/silent-logger.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

describe('notification bus', () => {
  let database: TestDatabase;
  let buses: NotificationBus[];

  beforeEach(async () => {
    database = await createTestDatabase();
    buses = [];
  });

  afterEach(async () => {
    for (const bus of buses) await bus.stop();
    await database.drop();
  });

  async function startBus(): Promise<NotificationBus> {
    const bus = new NotificationBus({ url: database.url, logger: silentLogger });
    buses.push(bus);
    await bus.start();
    return bus;
  }

  function collector() {
    const messages: string[] = [];
    let reconnects = 0;
    return {
      messages,
      reconnects: () => reconnects,
      handler: {
        onMessage: (payload: string) => void messages.push(payload),
        onReconnected: () => void (reconnects += 1),
      },
    };
  }

  async function breakConnections(): Promise<void> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'haishin-notifications'`,
    );
    await client.end();
  }

  it('wakes every node that listens, the sender too, and only on that channel', async () => {
    const [left, right] = [await startBus(), await startBus()];
    const [atLeft, atRight, elsewhere] = [collector(), collector(), collector()];
    await left.subscribe('agent_poll', atLeft.handler);
    await right.subscribe('agent_poll', atRight.handler);
    await right.subscribe('other', elsewhere.handler);
    await left.publish('agent_poll', 'エージェント 1');
    await left.publish('other', '');
    await until('the messages arrive', () => elsewhere.messages.length === 1);
    expect(atLeft.messages).toEqual(['エージェント 1']);
    expect(atRight.messages).toEqual(['エージェント 1']);
    expect(elsewhere.messages).toEqual(['']);
  });

  it('tells nobody about a transaction that was rolled back', async () => {
    const bus = await startBus();
    const heard = collector();
    await bus.subscribe('work', heard.handler);
    const dataSource = await createDataSource({
      url: database.url,
      poolSize: 2,
      entities: [],
      logger: silentLogger,
    }).initialize();
    const failing = inTransaction(dataSource, async (manager) => {
      await bus.publishWithin(manager, 'work', 'lost');
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await inTransaction(dataSource, (manager) => bus.publishWithin(manager, 'work', 'kept'));
    await until('a message arrives', () => heard.messages.length > 0);
    expect(heard.messages).toEqual(['kept']);
    await dataSource.destroy();
  });

  it('stops telling after the subscription ended, and keeps telling others', async () => {
    const bus = await startBus();
    const [leaving, staying] = [collector(), collector()];
    const leave = await bus.subscribe('work', leaving.handler);
    await bus.subscribe('work', staying.handler);
    await leave();
    await bus.publish('work', 'x');
    await until('the message arrives', () => staying.messages.length === 1);
    expect(leaving.messages).toEqual([]);
  });

  it('comes back after the connection broke, and says that messages may be missing', async () => {
    const bus = await startBus();
    const heard = collector();
    await bus.subscribe('work', heard.handler);
    await breakConnections();
    await until('it is back', () => heard.reconnects() === 1);
    await bus.publish('work', 'after');
    await until('the message arrives', () => heard.messages.length === 1);
    expect(heard.messages).toEqual(['after']);
  });

  it('goes on when a subscriber throws', async () => {
    const bus = await startBus();
    const heard = collector();
    await bus.subscribe('work', {
      onMessage: () => {
        throw new Error('of the subscriber');
      },
    });
    await bus.subscribe('work', heard.handler);
    await bus.publish('work', '1');
    await bus.publish('work', '2');
    await until('both arrive', () => heard.messages.length === 2);
  });

  it('waits for a database that is not there yet', async () => {
    const nowhere = database.url.replace(/host=[^&]+/, 'host=/nonexistent').replace(/@[^/?]+\//, '@127.0.0.1:1/');
    const bus = new NotificationBus({ url: nowhere, logger: silentLogger });
    buses.push(bus);
    await bus.start();
    await expect(bus.publish('work', 'x')).rejects.toMatchObject({ code: 'database-unavailable' });
  });

  it('refuses what the server cannot carry', async () => {
    const bus = await startBus();
    await expect(bus.publish('work', 'あ'.repeat(2_700))).rejects.toMatchObject({ code: 'notification-too-large' });
    await expect(bus.publish('work"; DROP TABLE setting', '')).rejects.toMatchObject({ code: 'notification-channel' });
    const heard = collector();
    await bus.subscribe('work', heard.handler);
    await bus.publish('work', 'x'.repeat(7_999));
    await until('the largest arrives', () => heard.messages[0]?.length === 7_999);
  });
});
