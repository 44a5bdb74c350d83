import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { onSaidAll } from '../../platform/http/half-closed.js';
import { AppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { ApiTokenService } from '../accounts/accounts.api.js';
import { ChangeFeed, type TargetChange } from './change-feed.js';
import { TrackingRepository } from './tracking.repository.js';
import { CommandRepository } from './command.repository.js';
import { commandView, countsOf } from './tracking.view.js';

const FLUSH_MS = 300;
const HEARTBEAT_MS = 15_000;
const MAX_LISTENERS = 500;
/** So that no program that forgets its streams keeps everybody else out. */
const MAX_LISTENERS_OF_TOKEN = 50;
/** A listener that does not take what it is sent is cut off; it comes back by itself. Bytes. */
const MAX_UNSENT = 1024 * 1024;
/** Changes of single targets in one flush; a fleet that reports at once is summed up. */
const MAX_TARGETS = 100;
const MAX_COMMANDS = 50;
const MAX_REMEMBERED = 500;

/** What stands at the head of every stream. */
export const STREAM_HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

interface StreamEvent {
  id: string;
  text: string;
}

/** Server-sent events of commands, targets and downloads, for consoles. What is missed is in the lists. */
@Injectable()
export class EventStream implements OnModuleInit, OnModuleDestroy {
  /** With the id of the token by which each was let in. */
  private readonly listeners = new Map<ServerResponse, string>();
  private readonly remembered: StreamEvent[] = [];
  private readonly run = randomUUID().slice(0, 8);
  private count = 0;
  private commands = new Set<string>();
  private targets: TargetChange[] = [];
  private skipped = 0;
  private flushing: NodeJS.Timeout | undefined;
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(
    private readonly feed: ChangeFeed,
    private readonly tracking: TrackingRepository,
    private readonly counts: CommandRepository,
    private readonly tokens: ApiTokenService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.feed.listen({
      command: ({ commandId }) => {
        if (this.listeners.size === 0) return;
        this.commands.add(commandId);
        this.later();
      },
      target: (change) => {
        if (this.listeners.size === 0) return;
        if (this.targets.length < MAX_TARGETS) this.targets.push(change);
        else this.skipped += 1;
        this.later();
      },
    });
    this.heartbeat = setInterval(() => {
      this.broadcast(': still here\n\n');
      void this.endRefused();
    }, HEARTBEAT_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.heartbeat);
    clearTimeout(this.flushing);
    for (const listener of this.listeners.keys()) listener.end();
    this.listeners.clear();
  }

  /** Who listens. */
  get size(): number {
    return this.listeners.size;
  }

  /** @throws AppError `too-many-listeners`, `too-many-listeners-of-token`, before anything is written. */
  attach(
    response: ServerResponse,
    tokenId: string,
    lastEventId: string | undefined,
    head: Record<string, string>,
  ): void {
    if (this.listeners.size >= MAX_LISTENERS)
      throw new AppError('unavailable', 'too-many-listeners', { details: { retryAfterSeconds: 30 } });
    if ([...this.listeners.values()].filter((id) => id === tokenId).length >= MAX_LISTENERS_OF_TOKEN)
      throw new AppError('too-many', 'too-many-listeners-of-token', {
        values: { most: MAX_LISTENERS_OF_TOKEN },
        details: { retryAfterSeconds: 30 },
      });
    response.writeHead(200, { ...head, ...STREAM_HEAD });
    response.write('retry: 3000\n\n');
    for (const text of this.missed(lastEventId)) response.write(text);
    this.listeners.set(response, tokenId);
    // It never ends by itself, so a client that closes its half is taken for one that has gone.
    onSaidAll(response.req.socket, () => {
      this.listeners.delete(response);
      response.end();
    });
  }

  /** Ends those whose token was revoked, or has expired, since they came. Never rejects. */
  async endRefused(): Promise<void> {
    if (this.listeners.size === 0) return;
    try {
      const valid = await this.tokens.validOf([...new Set(this.listeners.values())]);
      for (const [listener, tokenId] of this.listeners) {
        if (valid.has(tokenId)) continue;
        this.listeners.delete(listener);
        listener.end();
      }
    } catch (fault) {
      this.logger.debug({ err: fault }, 'the tokens of listeners could not be looked at; the next heartbeat will');
    }
  }

  /** Something of a download; whoever tells decides how often. */
  download(data: object): void {
    if (this.listeners.size > 0) this.send('download', data);
  }

  /** What came after the last event that a listener had; `reset` when that is too long ago: look at the lists. */
  private missed(lastEventId: string | undefined): string[] {
    if (lastEventId === undefined) return [];
    const index = this.remembered.findIndex((event) => event.id === lastEventId);
    if (index < 0) return ['event: reset\ndata: {}\n\n'];
    return this.remembered.slice(index + 1).map((event) => event.text);
  }

  private later(): void {
    this.flushing ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  private async flush(): Promise<void> {
    this.flushing = undefined;
    const [commands, targets, skipped] = [[...this.commands], this.targets, this.skipped];
    this.commands = new Set(commands.slice(MAX_COMMANDS));
    this.targets = [];
    this.skipped = 0;
    for (const { commandId, controllerId, state, reason } of targets)
      this.send('target', { commandId, controllerId, state, reason });
    if (skipped > 0) this.send('targets-skipped', { count: skipped });
    try {
      for (const id of commands.slice(0, MAX_COMMANDS)) {
        const command = await this.tracking.find(id);
        if (command === null) continue;
        const open = command.counts === null ? await this.counts.counts([command.seq]) : new Map<string, never>();
        this.send('command', commandView(command, countsOf(command, open)));
      }
    } catch (fault) {
      this.logger.debug({ err: fault }, 'a change could not be shown to listeners');
    }
    if (this.commands.size > 0) this.later();
  }

  private send(type: string, data: object): void {
    this.count += 1;
    const id = `${this.run}-${this.count}`;
    const text = `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    this.remembered.push({ id, text });
    if (this.remembered.length > MAX_REMEMBERED) this.remembered.shift();
    this.broadcast(text);
  }

  private broadcast(text: string): void {
    for (const listener of this.listeners.keys()) {
      if (listener.writableLength > MAX_UNSENT) listener.destroy();
      else listener.write(text);
    }
  }
}
