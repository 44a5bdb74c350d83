import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { Clock } from '../../platform/clock/clock.js';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { pageOf, type Page } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { ComponentService } from './component.service.js';
import type { ComponentView } from './component.view.js';
import { RollbackService } from './rollback.service.js';
import { ChannelQuery, NewComponent, ComponentChange, ComponentQuery, RollbackOrder } from './component.dto.js';

@ApiTags('components')
@ApiBearerAuth()
@Controller('api/v1/components')
export class ComponentController {
  constructor(
    private readonly components: ComponentService,
    private readonly catalogue: CatalogueRepository,
    private readonly rollbacks: RollbackService,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Current and available version of every component, with the reason when something is unknown. */
  @Get()
  async list(@Query() query: ComponentQuery): Promise<Page<ComponentView>> {
    return pageOf(await this.components.list(query.channel), query);
  }

  @Get(':id')
  get(@Param('id') id: string, @Query() query: ChannelQuery): Promise<ComponentView> {
    return this.components.get(id, query.channel);
  }

  /** Adds a component to the catalogue. */
  @Post()
  @TakesIdempotencyKey()
  @AdministratorsOnly()
  async create(@Body() body: NewComponent, @Req() request: FastifyRequest): Promise<ComponentView> {
    const now = this.clock.now();
    const actor = actorOf(request).name;
    const component: Component = {
      id: body.id,
      nameJa: body.names.ja,
      nameEn: body.names.en,
      kind: body.kind,
      numbering: body.numbering ?? (body.kind === 'engine' ? 'engine' : 'dotted'),
      entries: body.entries ?? [],
      variants: [],
      licence: body.licence ?? 'base',
      carriedByControlManager: true,
      restarts: body.kind === 'engine' ? ['scan-service', 'policy-service'] : ['scan-service'],
      signatures: body.signatures ?? 'as-before',
      filePatterns: [],
      cadence: { kind: 'irregular' },
      builtIn: false,
      scheduled: true,
      position: 1000,
      createdAt: now,
      updatedAt: now,
    };
    await this.idempotency.once(request, 'components', body, async (keep) => {
      await this.catalogue.insert(component, async (manager, id) => {
        await this.audit.record(actor, 'component.create', id, { names: body.names, kind: body.kind }, manager);
        await keep(manager, { id });
      });
      return { id: body.id };
    });
    return this.components.get(body.id);
  }

  @Patch(':id')
  @AdministratorsOnly()
  async change(
    @Param('id') id: string,
    @Body() body: ComponentChange,
    @Req() request: FastifyRequest,
  ): Promise<ComponentView> {
    const { names, ...rest } = body;
    await this.catalogue.patch(id, { ...rest, ...(names ? { nameJa: names.ja, nameEn: names.en } : {}) });
    await this.audit.record(actorOf(request).name, 'component.change', id, { ...body });
    return this.components.get(id);
  }

  /** Puts a component back to an earlier release, in every channel, and takes it out of the schedule. */
  @Post(':id/rollback')
  @TakesIdempotencyKey()
  @HttpCode(200)
  async rollback(
    @Param('id') id: string,
    @Body() body: RollbackOrder,
    @Req() request: FastifyRequest,
  ): Promise<ComponentView> {
    const actor = actorOf(request).name;
    await this.idempotency.once(request, 'component-rollback', { id, ...body }, async (keep) => {
      await this.rollbacks.rollback(id, body, actor, (manager) => keep(manager, { id }));
      return { id };
    });
    return this.components.get(id);
  }

  /** Ends a rollback: the component follows the schedule again, and the next download brings its newest release. */
  @Post(':id/resume')
  @TakesIdempotencyKey()
  @HttpCode(200)
  async resume(@Param('id') id: string, @Req() request: FastifyRequest): Promise<ComponentView> {
    const actor = actorOf(request).name;
    await this.idempotency.once(request, 'component-resume', { id }, async (keep) => {
      await this.rollbacks.resume(id, actor, (manager) => keep(manager, { id }));
      return { id };
    });
    return this.components.get(id);
  }
}
