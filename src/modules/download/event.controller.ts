import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { parseInstant } from '../../platform/http/instant.js';
import type { Page } from '../../platform/http/page.js';
import { eventView, type EventView } from './event.view.js';
import { UpdateEventRepository } from './update-event.repository.js';
import { EventQuery } from './event.dto.js';

/** The update log. */
@ApiTags('events')
@ApiBearerAuth()
@Controller('api/v1/events')
export class EventController {
  constructor(
    private readonly events: UpdateEventRepository,
    private readonly catalogue: CatalogueRepository,
  ) {}

  /** One line per component and outcome, newest first, in Japanese and English. */
  @Get()
  async list(@Query() query: EventQuery): Promise<Page<EventView>> {
    const components = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const page = await this.events.list(query, {
      component: query.component,
      trigger: query.trigger,
      outcome: query.outcome,
      from: parseInstant(query.from) ?? undefined,
      to: parseInstant(query.to) ?? undefined,
    });
    return { ...page, items: page.items.map((event) => eventView(event, components.get(event.componentId ?? ''))) };
  }
}
