import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { BatchedLookup } from '../../database/batched-lookup.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { AgentChanges } from './agent-changes.js';
import type { EnrolmentToken } from './enrolment-token.entity.js';
import { EnrolmentTokenService } from './enrolment-token.service.js';
import { Memory } from './memory.js';
import { Waker, type WakeListener } from './waker.js';
import { overloaded } from './work-gate.js';

const MAX_TOKENS = 1_000;
/** A gateway shows its token all the time: the moment is written so often at most. */
const NOTED_MS = 3_600_000;
/** A memory of its own: whoever tries tokens must not push the real ones out. */
const MAX_REFUSED = 10_000;

/** The tokens by which products enrol, in memory: a gateway shows its own with every request. */
@Injectable()
export class EnrolmentTokenDirectory implements WakeListener, OnModuleInit {
  private readonly valid: Memory<EnrolmentToken>;
  private readonly refused: Memory<true>;
  private readonly lookup: BatchedLookup<EnrolmentToken>;
  private changed = 0;

  constructor(
    private readonly tokens: EnrolmentTokenService,
    changes: AgentChanges,
    private readonly waker: Waker,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.valid = new Memory(MAX_TOKENS, changes);
    this.refused = new Memory(MAX_REFUSED, changes);
    this.lookup = new BatchedLookup((hashes) => tokens.findAll(hashes), overloaded);
  }

  onModuleInit(): void {
    this.waker.add(this);
  }

  woken(controllerIds: readonly string[] | null): void {
    if (controllerIds !== null) return;
    this.changed += 1;
    this.valid.clear();
    this.refused.clear();
  }

  /** A gateway has acted by it: one that is in use must not look forgotten. Never waits, and never fails. */
  noteUse(token: EnrolmentToken): void {
    const now = this.clock.now();
    if (token.lastUsedAt !== null && Math.abs(now.getTime() - token.lastUsedAt.getTime()) < NOTED_MS) return;
    token.lastUsedAt = now;
    this.tokens
      .noteUse(token.id)
      .catch((fault: unknown) => this.logger.debug({ err: fault }, 'the use of a gateway token could not be noted'));
  }

  /** The enrolment or gateway token with this hash, while it is valid. @throws AppError `overloaded`, and what the database throws. */
  async find(hash: Buffer): Promise<EnrolmentToken | null> {
    const key = hash.toString('base64');
    const known = this.valid.get(key);
    if (known !== undefined) return this.tokens.isValid(known) ? known : null;
    if (this.refused.get(key) !== undefined) return null;
    const before = this.changed;
    const found = await this.lookup.find(hash);
    // Tokens changed meanwhile: this answer may be older.
    if (this.changed !== before) return found;
    if (found === null) this.refused.set(key, true);
    else this.valid.set(key, found);
    return found;
  }
}
