import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { DeploymentSettingBody } from './deployment.dto.js';
import { DeploymentSettings, type DeploymentSetting } from './deployment.settings.js';
import { PlanBody } from './plan.dto.js';
import { PlanRepository } from './plan.repository.js';
import { PlanService } from './plan.service.js';
import { planView, type PlanView } from './plan.view.js';

@ApiTags('deployment-plans')
@ApiBearerAuth()
@Controller('api/v1/deployment-plans')
export class PlanController {
  constructor(
    private readonly plans: PlanService,
    private readonly repository: PlanRepository,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** Every plan, by name. */
  @Get()
  async list(@Query() query: PageQuery): Promise<Page<PlanView>> {
    const page = await this.repository.list(query);
    return { ...page, items: page.items.map(planView) };
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<PlanView> {
    return planView(await this.repository.get(id));
  }

  /** A plan that could never start is refused, with the reason. */
  @Post()
  @TakesIdempotencyKey()
  @AdministratorsOnly()
  @HttpCode(201)
  create(@Body() body: PlanBody, @Req() request: FastifyRequest): Promise<PlanView> {
    const actor = actorOf(request).name;
    return this.idempotency.once<PlanView>(request, 'deployment-plans', body, async (keep) => {
      const plan = await this.plans.create(body, actor, async (manager, made) => {
        await this.audit.record(actor, 'deployment-plan.create', made.id, { name: made.name }, manager);
        await keep(manager, planView(made));
      });
      return planView(plan);
    });
  }

  /** Replaces the whole plan; deployments that run keep what they were ordered with. */
  @Put(':id')
  @AdministratorsOnly()
  async replace(@Param('id') id: string, @Body() body: PlanBody, @Req() request: FastifyRequest): Promise<PlanView> {
    const actor = actorOf(request).name;
    const plan = await this.plans.replace(id, body, actor);
    await this.audit.record(actor, 'deployment-plan.replace', plan.id, { ...body });
    return planView(plan);
  }

  @Delete(':id')
  @AdministratorsOnly()
  @HttpCode(204)
  async remove(@Param('id') id: string, @Req() request: FastifyRequest): Promise<void> {
    const actor = actorOf(request).name;
    await this.plans.remove(id);
    await this.audit.record(actor, 'deployment-plan.remove', id);
  }
}

/** What follows a download. */
@ApiTags('settings')
@ApiBearerAuth()
@Controller('api/v1/settings/deployment')
export class DeploymentSettingsController {
  constructor(
    private readonly settings: DeploymentSettings,
    private readonly audit: AuditService,
  ) {}

  @Get()
  get(): Promise<DeploymentSetting> {
    return this.settings.get();
  }

  @Put()
  @AdministratorsOnly()
  async put(@Body() body: DeploymentSettingBody, @Req() request: FastifyRequest): Promise<DeploymentSetting> {
    const actor = actorOf(request).name;
    const value = await this.settings.put(body, actor);
    await this.audit.record(actor, 'settings.deployment', null, { ...value });
    return value;
  }
}
