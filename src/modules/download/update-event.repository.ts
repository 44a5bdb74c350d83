import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { UpdateEvent } from './update-event.entity.js';

export type NewUpdateEvent = Omit<UpdateEvent, 'id' | 'at'>;

export interface EventFilter {
  component?: string | undefined;
  trigger?: string | undefined;
  outcome?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

@Injectable()
export class UpdateEventRepository {
  constructor(private readonly dataSource: DataSource) {}

  async add(events: NewUpdateEvent[], now: Date, manager: EntityManager = this.dataSource.manager): Promise<void> {
    if (events.length > 0)
      await manager.insert(
        UpdateEvent,
        events.map((event) => ({ ...event, at: now })),
      );
  }

  async list(query: PageQuery, filter: EventFilter): Promise<Page<UpdateEvent>> {
    const after = decodeCursor(query.cursor, ['integer']);
    const builder = this.dataSource
      .getRepository(UpdateEvent)
      .createQueryBuilder('e')
      .orderBy('e.id', 'DESC')
      .limit(query.limit + 1);
    if (after !== null) builder.andWhere('e.id < :after', { after: after[0] });
    if (filter.component) builder.andWhere('e.component_id = :component', filter);
    if (filter.trigger) builder.andWhere('e.trigger = :trigger', filter);
    if (filter.outcome) builder.andWhere('e.outcome = :outcome', filter);
    if (filter.from) builder.andWhere('e.at >= :from', filter);
    if (filter.to) builder.andWhere('e.at < :to', filter);
    return toPage(
      await builder.getMany(),
      query.limit,
      (row) => [row.id],
      (row) => row,
    );
  }
}
