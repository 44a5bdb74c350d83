import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { IsIn, IsString, MaxLength } from 'class-validator';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { IsInstant, parseInstant } from '../../platform/http/instant.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { eventView, type EventView } from './event.view.js';
import { EVENT_OUTCOMES, EVENT_TRIGGERS, type EventOutcome, type EventTrigger } from './update-event.entity.js';
import { UpdateEventRepository } from './update-event.repository.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class EventQuery extends PageQuery {
  @MayBeMissing()
  @IsString()
  @MaxLength(63)
  component?: string;

  @MayBeMissing()
  @IsIn(EVENT_TRIGGERS)
  trigger?: EventTrigger;

  @MayBeMissing()
  @IsIn(EVENT_OUTCOMES)
  outcome?: EventOutcome;

  @MayBeMissing()
  @IsInstant()
  from?: string;

  @MayBeMissing()
  @IsInstant()
  to?: string;
}

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
