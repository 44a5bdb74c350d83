import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import type { AgentFacts } from './agent.repository.js';
import { AgentEventRepository, type AgentEventRow } from './agent-event.repository.js';
import { parseProductEvents, type ProductEvent } from './agent-event.parser.js';
import { InventoryRepository } from './inventory.repository.js';
import { ComponentNumberings } from './component-numberings.js';
import { inventoryItem } from './inventory.js';

export interface AgentEventView extends Omit<AgentEventRow, 'at' | 'receivedAt'> {
  /** By the product's clock. */
  at: string;
  receivedAt: string;
}

const DAY_MS = 86_400_000;
/** Of one product: one every ten seconds or so. */
const MOST_A_DAY = 10_000;
/** Of one that nobody has approved; enough for a schedule of every 15 minutes. */
const MOST_A_DAY_UNAPPROVED = 100;
/** Products of which it is remembered that people were told. */
const MOST_TOLD = 10_000;

/** Updates that products started themselves: one history with everything else. */
@Injectable()
export class AgentEventService {
  /** When it was last said of a product that it tells too much. */
  private readonly told = new Map<string, Date>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly events: AgentEventRepository,
    private readonly inventory: InventoryRepository,
    private readonly numberings: ComponentNumberings,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Keeps each event once, however often it is sent; what a product tells beyond its measure is lost, so that its orders are not, and
   * people are told once a day. Nothing of a product that nobody has approved yet stands in the update log: it may be anybody.
   * @throws AppError `events-invalid`.
   */
  async take({ controllerId, approval }: Pick<AgentFacts, 'controllerId' | 'approval'>, body: unknown): Promise<void> {
    const now = this.clock.now();
    const approved = approval === 'approved';
    const most = approved ? MOST_A_DAY : MOST_A_DAY_UNAPPROVED;
    const events = parseProductEvents(body, now);
    const numberings = await this.numberings.of(events.map((event) => event.component));
    const dropped = await inTransaction(this.dataSource, async (manager) => {
      const kept = await this.events.count(manager, controllerId, new Date(now.getTime() - DAY_MS), most);
      const fresh = new Set(await this.events.insert(manager, controllerId, events, most - kept, now));
      const news = events.filter((event) => fresh.has(event.id));
      if (approved) await this.events.log(manager, controllerId, news, now);
      // What the catalogue does not know stands in the history alone: a product could name new ones for ever.
      const installed = lastOfEach(
        news.filter(
          (event) => event.outcome === 'succeeded' && event.version !== null && numberings.has(event.component),
        ),
      );
      const items = installed.map((event) =>
        inventoryItem(event.component, event.version ?? '', numberings.get(event.component)),
      );
      await this.inventory.storeComponents(manager, controllerId, items, now);
      const over = kept + events.length > most;
      const dropped = over ? events.length - (await this.events.known(manager, controllerId, events)) : 0;
      if (approved && dropped > 0 && !this.wasTold(controllerId, now))
        await this.events.logDropped(manager, controllerId, most, now);
      return dropped;
    });
    if (dropped > 0) this.tell(controllerId, dropped, most, now);
  }

  private wasTold(controllerId: string, now: Date): boolean {
    const at = this.told.get(controllerId);
    return at !== undefined && now.getTime() - at.getTime() < DAY_MS;
  }

  private tell(controllerId: string, dropped: number, most: number, now: Date): void {
    if (this.wasTold(controllerId, now)) return;
    this.told.delete(controllerId);
    this.told.set(controllerId, now);
    const [oldest] = this.told.keys();
    if (this.told.size > MOST_TOLD && oldest !== undefined) this.told.delete(oldest);
    this.logger.warn(
      { agent: controllerId, dropped, mostADay: most },
      'a product tells of more updates of its own than are kept; see to its schedule',
    );
  }

  async list(controllerId: string, query: PageQuery): Promise<Page<AgentEventView>> {
    const after = decodeCursor(query.cursor, ['time', 'text']);
    const rows = await this.events.list(controllerId, after, query.limit + 1);
    return toPage(
      rows,
      query.limit,
      (row) => [row.receivedAt.toISOString(), row.id],
      (row) => ({ ...row, at: row.at.toISOString(), receivedAt: row.receivedAt.toISOString() }),
    );
  }
}

/** A report may tell of several updates of one component: the last one is in force. */
function lastOfEach(events: ProductEvent[]): ProductEvent[] {
  return [...new Map(events.map((event) => [event.component, event])).values()];
}
