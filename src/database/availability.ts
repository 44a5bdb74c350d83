import pg from 'pg';

import { type Clock, systemClock } from '../platform/clock/clock.js';
import type { DatabaseLogger } from './database.logger.js';

export interface AvailabilityOptions {
  url: string;
  logger: DatabaseLogger;
  clock?: Clock;
  /** Default 5,000. */
  probeMilliseconds?: number;
  /** After this long without an answer the database counts as down; default 3,000. */
  timeoutMilliseconds?: number;
}

export interface AvailabilityState {
  up: boolean;
  /** Since when it is so. */
  since: Date;
  /** Why it is down, or was down last. */
  lastError?: string;
}

/**
 * Whether the database answers, for readiness: asked every few seconds on a connection of its own, so that a busy pool
 * does not look like a dead server. Down until the first answer.
 */
export class DatabaseAvailability {
  private current: AvailabilityState;
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private probing: Promise<void> | undefined;
  private stopped = true;
  private readonly listeners = new Set<(state: AvailabilityState) => void>();
  private readonly clock: Clock;

  constructor(private readonly options: AvailabilityOptions) {
    this.clock = options.clock ?? systemClock;
    this.current = { up: false, since: this.clock.now() };
  }

  get state(): AvailabilityState {
    return { ...this.current };
  }

  get up(): boolean {
    return this.current.up;
  }

  /** Resolves after the first probe, whatever it found. */
  async start(): Promise<void> {
    this.stopped = false;
    await this.probe();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.probing;
    await this.discard();
  }

  /** Called on every change; returns the function that ends it. */
  onChange(listener: (state: AvailabilityState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something else (a pool, a request) met a broken connection: ask now instead of in a few seconds. */
  suspect(): void {
    if (!this.stopped && this.probing === undefined) void this.probe();
  }

  /** One probe at a time; never rejects. */
  async probe(): Promise<void> {
    clearTimeout(this.timer);
    this.probing ??= this.ask().finally(() => {
      this.probing = undefined;
      if (!this.stopped)
        this.timer = setTimeout(() => void this.probe(), this.options.probeMilliseconds ?? 5_000).unref();
    });
    await this.probing;
  }

  private async ask(): Promise<void> {
    try {
      this.client ??= await this.connect();
      await this.client.query('SELECT 1');
      this.change(true);
    } catch (error) {
      await this.discard();
      this.change(false, error instanceof Error && error.message !== '' ? error.message : String(error));
    }
  }

  private async connect(): Promise<pg.Client> {
    const timeout = this.options.timeoutMilliseconds ?? 3_000;
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: 'haishin-probe',
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
      keepAlive: true,
    });
    client.on('error', () => {
      if (this.client === client) {
        this.client = undefined;
        this.suspect();
      }
    });
    await client.connect().catch(async (error: unknown) => {
      await client.end().catch(() => undefined);
      throw error;
    });
    return client;
  }

  private async discard(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (client === undefined) return;
    // A frozen server answers no farewell either; what remains of the socket is closed by the kernel's keep-alive.
    await Promise.race([
      client.end().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 500).unref()),
    ]);
  }

  private change(up: boolean, lastError?: string): void {
    const error = lastError ?? this.current.lastError;
    const changed = up !== this.current.up;
    this.current = {
      up,
      since: changed ? this.clock.now() : this.current.since,
      ...(error === undefined ? {} : { lastError: error }),
    };
    if (!changed) return;
    if (up) this.options.logger.info({}, 'the database answers');
    else this.options.logger.error({ reason: error }, 'the database does not answer');
    for (const listener of this.listeners) listener(this.state);
  }
}
