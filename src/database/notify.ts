import pg from 'pg';
import type { EntityManager } from 'typeorm';

import { AppError } from '../platform/errors/app-error.js';
import { toDatabaseError } from './database.errors.js';
import type { DatabaseLogger } from './database.logger.js';

export interface NotificationBusOptions {
  url: string;
  logger: DatabaseLogger;
  /** How often an idle connection is tried, so that a silently dead one is found. */
  probeMilliseconds?: number;
}

export interface NotificationHandler {
  /** Payload as published; also for what this node published itself. A fault of the handler is logged, no more. */
  onMessage(payload: string): void;
  /** The connection was away and is back: messages may be missing, so look at the tables. */
  onReconnected?(): void;
}

const FIRST_BACKOFF_MILLISECONDS = 100;
const MAX_BACKOFF_MILLISECONDS = 5_000;
/** The server's limit is 8000 with the final NUL. */
const MAX_PAYLOAD_BYTES = 7_999;
const CHANNEL = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Wakes other nodes through LISTEN/NOTIFY, on one connection of its own that comes back after a loss. A message is a hint
 * and may be lost; what counts stands in tables.
 */
export class NotificationBus {
  private readonly handlers = new Map<string, Set<NotificationHandler>>();
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;
  private failures = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: NotificationBusOptions) {}

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** Connects; an unreachable database is no fault here, it is tried until stop(). Resolves after the first try. */
  async start(): Promise<void> {
    if (!this.stopped) return;
    this.stopped = false;
    await this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.failures = 0;
    clearTimeout(this.timer);
    const { client } = this;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  /**
   * Sends to every node at once. Throws AppError `database-unavailable` while there is no connection,
   * `notification-too-large` above 7,999 bytes.
   */
  async publish(channel: string, payload: string): Promise<void> {
    const parameters = checked(channel, payload);
    if (this.client === undefined) throw new AppError('unavailable', 'database-unavailable.notify');
    try {
      await this.ask(this.client, 'SELECT pg_notify($1, $2)', parameters);
    } catch (error) {
      throw toDatabaseError(error);
    }
  }

  /** Sends when the transaction commits, and not at all when it is rolled back. */
  async publishWithin(manager: EntityManager, channel: string, payload: string): Promise<void> {
    await manager.query('SELECT pg_notify($1, $2)', checked(channel, payload));
  }

  /** Returns the function that ends the subscription. Resolves when the server listens, or at once while it is away. */
  async subscribe(channel: string, handler: NotificationHandler): Promise<() => Promise<void>> {
    const handlers = this.handlers.get(checkedChannel(channel)) ?? new Set();
    this.handlers.set(channel, handlers.add(handler));
    if (handlers.size === 1) await this.tell(`LISTEN ${channel}`);
    return async () => {
      if (!handlers.delete(handler) || handlers.size > 0) return;
      if (this.handlers.get(channel) === handlers) this.handlers.delete(channel);
      await this.tell(`UNLISTEN ${channel}`);
    };
  }

  /** A failure breaks the connection, and the next one listens to all channels of that time. */
  private async tell(sql: string): Promise<void> {
    const { client } = this;
    if (client !== undefined) await this.ask(client, sql).catch((error: unknown) => this.lose(client, error));
  }

  private async connect(): Promise<void> {
    this.turn = Promise.resolve();
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: 'haishin-notifications',
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      keepAlive: true,
    });
    client.on('error', (error) => this.lose(client, error));
    client.on('end', () => this.lose(client, new Error('the connection was closed')));
    client.on('notification', ({ channel, payload }) => this.dispatch(channel, payload ?? ''));
    try {
      await client.connect();
      // Subscriptions of this very moment are in the list or find the client set: nothing is awaited in between.
      const listening = this.listenToAll(client);
      if (this.stopped) throw new Error('stopped while connecting');
      this.client = client;
      await listening;
    } catch (error) {
      this.client = client;
      this.lose(client, error);
      return;
    }
    // The connection may have broken or been stopped while it began to listen.
    if (this.client !== client) return;
    const wasAway = this.failures > 0;
    this.failures = 0;
    if (wasAway) this.reconnected();
    this.probeLater(client);
  }

  /** One after the other: a connection carries one query at a time. */
  private ask(client: pg.Client, sql: string, parameters: string[] = []): Promise<unknown> {
    const turn = this.turn.then(() => client.query(sql, parameters));
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  private async listenToAll(client: pg.Client): Promise<void> {
    for (const channel of [...this.handlers.keys()]) await this.ask(client, `LISTEN ${channel}`);
  }

  private lose(client: pg.Client, error: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    void client.end().catch(() => undefined);
    clearTimeout(this.timer);
    if (this.stopped) return;
    const backoff = Math.min(FIRST_BACKOFF_MILLISECONDS * 2 ** this.failures, MAX_BACKOFF_MILLISECONDS);
    if (this.failures === 0) this.options.logger.warn({ err: error }, 'the connection for notifications was lost');
    this.failures += 1;
    this.timer = setTimeout(() => void this.connect(), backoff).unref();
  }

  private probeLater(client: pg.Client): void {
    this.timer = setTimeout(() => {
      this.ask(client, 'SELECT 1').then(
        () => this.client === client && this.probeLater(client),
        (error: unknown) => this.lose(client, error),
      );
    }, this.options.probeMilliseconds ?? 20_000).unref();
  }

  private reconnected(): void {
    this.options.logger.info({}, 'the connection for notifications is back');
    for (const handlers of this.handlers.values())
      for (const handler of [...handlers]) this.guarded(() => handler.onReconnected?.());
  }

  private dispatch(channel: string, payload: string): void {
    for (const handler of [...(this.handlers.get(channel) ?? [])]) this.guarded(() => handler.onMessage(payload));
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.options.logger.error({ err: error }, 'a subscriber of notifications failed');
    }
  }
}

function checkedChannel(channel: string): string {
  if (!CHANNEL.test(channel)) throw new AppError('internal', 'notification-channel', { values: { channel } });
  return channel;
}

function checked(channel: string, payload: string): [string, string] {
  const bytes = Buffer.byteLength(payload);
  if (bytes > MAX_PAYLOAD_BYTES)
    throw new AppError('too-large', 'notification-too-large', {
      values: { maxPayloadBytes: MAX_PAYLOAD_BYTES, bytes },
    });
  return [checkedChannel(channel), payload];
}
