import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { AgentRepository, type Contact } from './agent.repository.js';

const FLUSH_MS = 3_000;
/** So often an earlier source must have come back before two machines with one identity are suspected. */
const RETURNS_TO_FLAG = 3;
/** A fleet that polls all at once is written in pieces. */
const BATCH = 2_000;

interface Pending extends Contact {
  earlier: string | null;
}

/** Notes who was heard of, in memory, and writes it in one statement every few seconds: a poll costs no write of its own. */
@Injectable()
export class ContactRecorder implements OnModuleDestroy {
  private pending = new Map<string, Pending>();
  /** Of the flush before: on their way to the table, or in it since a moment that a query under way may not see. */
  private leaving: ReadonlyMap<string, Pending> = new Map();
  private flushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly agents: AgentRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  record(controllerId: string, address: string, fingerprint: string): void {
    const at = this.clock.now();
    const known = this.pending.get(controllerId);
    if (known === undefined) {
      this.pending.set(controllerId, { controllerId, at, address, fingerprint, returns: 0, earlier: null });
      return;
    }
    known.at = at;
    if (known.fingerprint === fingerprint) return;
    if (known.earlier === fingerprint) known.returns += 1;
    known.earlier = known.fingerprint;
    known.fingerprint = fingerprint;
    known.address = address;
  }

  /** A contact that a query of the table may have missed; the later one of both is right. */
  lastOf(controllerId: string): Date | null {
    return (this.pending.get(controllerId) ?? this.leaving.get(controllerId))?.at ?? null;
  }

  @Interval(FLUSH_MS)
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.write());
    return this.flushing;
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
  }

  private async write(): Promise<void> {
    const contacts = [...this.pending.values()];
    this.leaving = this.pending;
    if (contacts.length === 0) return;
    this.pending = new Map();
    try {
      for (let i = 0; i < contacts.length; i += BATCH) await this.writeBatch(contacts.slice(i, i + BATCH));
    } catch (fault) {
      // Contacts are facts of the moment: the next polls bring new ones.
      this.logger.warn({ err: fault, agents: contacts.length }, 'the last contacts of products could not be written');
    }
  }

  private async writeBatch(contacts: Pending[]): Promise<void> {
    const rows = contacts.map(({ earlier: _, ...contact }) => contact);
    for (const suspect of await this.agents.storeContacts(rows, RETURNS_TO_FLAG)) {
      const since = this.clock.now().toISOString();
      const here = contacts.find((contact) => contact.controllerId === suspect.controllerId)?.earlier ?? null;
      const sources = [...new Set([suspect.fingerprint, suspect.earlier, here])].filter((source) => source !== null);
      if (await this.agents.flagDuplicate(suspect.controllerId, { since, sources }))
        this.logger.warn(
          { agent: suspect.controllerId, sources },
          'two machines seem to use one identity: give one of them another controllerId',
        );
    }
  }
}
