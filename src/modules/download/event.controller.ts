import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { displayVersion } from '../../mirror/manifest/version.js';
import { IsInstant, parseInstant } from '../../platform/http/instant.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { isTextKey, text, texts, type Language } from '../../platform/texts/texts.js';
import type { UpdateEvent } from './update-event.entity.js';
import { UpdateEventRepository } from './update-event.repository.js';

export class EventQuery extends PageQuery {
  @IsOptional()
  @IsString()
  @MaxLength(63)
  component?: string;

  /** `schedule`, `manual`, `upload`, `rollback`, `resume`. */
  @IsOptional()
  @IsString()
  @MaxLength(20)
  trigger?: string;

  @IsOptional()
  @IsString()
  @MaxLength(20)
  outcome?: string;

  @IsOptional()
  @IsInstant()
  from?: string;

  @IsOptional()
  @IsInstant()
  to?: string;
}

export interface EventView {
  id: string;
  at: string;
  trigger: string;
  component: string | null;
  outcome: string;
  version: string | null;
  versionBefore: string | null;
  actor: string;
  downloadId: string | null;
  code: string | null;
  text: Record<Language, string>;
}

function shown(component: Component | undefined, raw: string | null): string | null {
  return raw === null ? null : displayVersion(raw, component?.numbering ?? 'integer');
}

export function eventView(event: UpdateEvent, component: Component | undefined): EventView {
  const key = `event.${event.trigger}.${event.outcome}`;
  const version = shown(component, event.version);
  const none = (language: Language): string => text(language, 'event.none');
  const values = (language: Language): Record<string, unknown> => ({
    actor: event.actor,
    component:
      (language === 'ja' ? component?.nameJa : component?.nameEn) ??
      event.componentId ??
      text(language, 'event.source'),
    version: version ?? none(language),
    current: version ?? shown(component, event.versionBefore) ?? none(language),
    reason: event.code ?? '',
  });
  return {
    id: event.id,
    at: event.at.toISOString(),
    trigger: event.trigger,
    component: event.componentId,
    outcome: event.outcome,
    version,
    versionBefore: shown(component, event.versionBefore),
    actor: event.actor,
    downloadId: event.downloadId,
    code: event.code,
    text: isTextKey(key) ? texts(key, values) : { ja: key, en: key },
  };
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
