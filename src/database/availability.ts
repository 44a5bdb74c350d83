import pg from 'pg';

import { type Clock, systemClock } from '../platform/clock/clock.js';
import { toAppError, type AppError } from '../platform/errors/app-error.js';
import { databaseErrorCode, toDatabaseError } from './database.errors.js';
import type { DatabaseLogger } from './database.logger.js';
import { requireSpace, requireUsable } from './usable-probe.js';

export interface AvailabilityOptions {
  url: string;
  logger: DatabaseLogger;
  clock?: Clock;
  /** Default 5,000. */
  probeMilliseconds?: number;
  /** After this long without an answer the database counts as down; default 3,000. */
  timeoutMilliseconds?: number;
  /** Tables that must be there for reading and writing; default: none is looked at. */
  tables?: readonly string[];
}

export interface AvailabilityState {
  up: boolean;
  /** Since when it is so. */
  since: Date;
  /** Why it is down, or was down last. */
  lastError?: AppError;
}

/**
 * Whether the database answers and can be worked with, for readiness: asked every few seconds on a connection of its own, so that
 * a busy pool does not look like a dead server. Down until the first answer.
 */
export class DatabaseAvailability {
  private current: AvailabilityState;
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private probing: Promise<void> | undefined;
  private stopped = true;
  /** A statement found the disk full: until there is room, which a question alone does not tell. */
  private full = false;
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

  /** Called on every change, also of the reason; returns the function that ends it. */
  onChange(listener: (state: AvailabilityState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something else (a pool, a request) met such a fault: ask now instead of in a few seconds. */
  suspect(fault?: unknown): void {
    if (databaseErrorCode(fault) === '53100') this.full = true;
    // While it is down it is asked often enough, and every request would say so once more.
    if (!this.stopped && this.current.up && this.probing === undefined) void this.probe();
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
      await requireUsable(this.client, this.options.tables ?? []);
      if (this.full) await requireSpace(this.client);
      this.full = false;
      this.change(null);
    } catch (error) {
      await this.discard();
      this.change(toAppError(toDatabaseError(error)));
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

  private change(fault: AppError | null): void {
    const before = this.current;
    const up = fault === null;
    const lastError = fault ?? before.lastError;
    const turned = up !== before.up;
    const changed = turned || (!up && fault.code !== before.lastError?.code);
    this.current = {
      up,
      since: turned ? this.clock.now() : before.since,
      ...(lastError === undefined ? {} : { lastError }),
    };
    if (!changed) return;
    if (up) this.options.logger.info({}, 'the database can be used');
    else this.options.logger.error({ code: fault.code, reason: fault.message }, 'the database cannot be used');
    for (const listener of this.listeners) listener(this.state);
  }
}
