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

  /** In one statement with one parameter for all: a manifest may bring tens of thousands. */
  async add(events: NewUpdateEvent[], now: Date, manager: EntityManager = this.dataSource.manager): Promise<void> {
    if (events.length === 0) return;
    await manager.query(
      `insert into update_event (at, trigger, component_id, outcome, version, version_before, actor, download_id, release_id, code, params)
       select $2, e.trigger, e."componentId", e.outcome, e.version, e."versionBefore", e.actor, e."downloadId", e."releaseId", e.code, e.params
       from rows from (jsonb_to_recordset($1::jsonb) as (trigger text, "componentId" text, outcome text, version text,
         "versionBefore" text, actor text, "downloadId" uuid, "releaseId" uuid, code text, params jsonb)) with ordinality
         as e(trigger, "componentId", outcome, version, "versionBefore", actor, "downloadId", "releaseId", code, params, position)
       order by e.position`,
      [JSON.stringify(events), now],
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
