import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { AgentGroupOrder, AgentGroupPatch } from './agent.dto.js';
import { AgentGroupService, type AgentGroupView } from './agent-group.service.js';

/** The tree of groups. */
@ApiTags('agents')
@ApiBearerAuth()
@Controller('api/v1/agent-groups')
export class AgentGroupController {
  constructor(
    private readonly groups: AgentGroupService,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** In order of their paths. */
  @Get()
  list(@Query() query: PageQuery): Promise<Page<AgentGroupView>> {
    return this.groups.page(query);
  }

  @Get(':id')
  get(@Param('id') id: string): Promise<AgentGroupView> {
    return this.groups.view(id);
  }

  @Post()
  @TakesIdempotencyKey()
  @AdministratorsOnly()
  async create(@Body() body: AgentGroupOrder, @Req() request: FastifyRequest): Promise<AgentGroupView> {
    const actor = actorOf(request).name;
    const { name, parentId = null, pollIntervalSeconds = null } = body;
    const { id } = await this.idempotency.once<{ id: string }>(request, 'agent-groups', body, async (keep) => ({
      id: await this.groups.create({ name, parentId, pollIntervalSeconds }, async (manager, made) => {
        await this.audit.record(actor, 'agent-group.create', made, { ...body }, manager);
        await keep(manager, { id: made });
      }),
    }));
    return this.groups.view(id);
  }

  /** A group cannot be moved into itself or below itself. */
  @Patch(':id')
  @AdministratorsOnly()
  async change(
    @Param('id') id: string,
    @Body() body: AgentGroupPatch,
    @Req() request: FastifyRequest,
  ): Promise<AgentGroupView> {
    await this.groups.change(id, body);
    await this.audit.record(actorOf(request).name, 'agent-group.change', id, { ...body });
    return this.groups.view(id);
  }

  /** Only an empty group. */
  @Delete(':id')
  @AdministratorsOnly()
  @HttpCode(204)
  async remove(@Param('id') id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.groups.remove(id);
    await this.audit.record(actorOf(request).name, 'agent-group.remove', id);
  }
}
