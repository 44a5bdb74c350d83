import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiExtraModels, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../platform/errors/app-error.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { validationPipe } from '../../platform/http/validation.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { AgentEventService, type AgentEventView } from './agent-event.service.js';
import { AgentListQuery, AgentOrderDto, AgentPatchDto } from './agent.dto.js';
import { AgentService, type AgentQuery, type RegisteredAgent } from './agent.service.js';
import type { AgentView } from './agent.view.js';
import { intervalsOf } from './connection-state.js';

const MAX_AT_ONCE = 1_000;

type Registered = AgentView & { securityToken: string };

/** Managed products. */
@ApiTags('agents')
@ApiBearerAuth()
@ApiExtraModels(AgentOrderDto)
@Controller('api/v1/agents')
export class AgentController {
  constructor(
    private readonly agents: AgentService,
    private readonly events: AgentEventService,
    private readonly audit: AuditService,
  ) {}

  /** Registers one product, or a list of up to 1,000: all of them or none. The tokens are in this answer and nowhere else. */
  @Post()
  @AdministratorsOnly()
  @ApiBody({
    schema: {
      oneOf: [
        { $ref: getSchemaPath(AgentOrderDto) },
        { type: 'array', items: { $ref: getSchemaPath(AgentOrderDto) }, maxItems: MAX_AT_ONCE },
      ],
    },
  })
  async register(@Body() body: object, @Req() request: FastifyRequest): Promise<Registered | RegisteredAgent[]> {
    const actor = actorOf(request).name;
    const orders = await checkedOrders(body);
    // No Idempotency-Key: the answer holds tokens, and no answer with tokens is kept. A second try is told `agent-exists`.
    const list = Array.isArray(body);
    const registered = await this.agents.register(orders, actor, async (manager, ids) => {
      const details = { agents: ids.length, ...(list ? { controllerIds: ids } : {}) };
      await this.audit.record(actor, 'agent.register', list ? null : (ids[0] ?? null), details, manager);
    });
    const single = list ? undefined : registered[0];
    if (single === undefined) return registered;
    return { ...(await this.agents.get(single.controllerId)), securityToken: single.securityToken };
  }

  /** In order of the controllerId. */
  @Get()
  list(@Query() query: AgentListQuery): Promise<Page<AgentView>> {
    return this.agents.list(query, filterOf(query));
  }

  @Get(':controllerId')
  get(@Param('controllerId') controllerId: string): Promise<AgentView> {
    return this.agents.get(controllerId);
  }

  /** `callbackSecret` is in the answer when `callbackUrl` was given, this once. */
  @Patch(':controllerId')
  @AdministratorsOnly()
  async change(
    @Param('controllerId') controllerId: string,
    @Body() body: AgentPatchDto,
    @Req() request: FastifyRequest,
  ): Promise<AgentView & { callbackSecret?: string }> {
    const { callbackSecret } = await this.agents.change(controllerId, body);
    await this.audit.record(actorOf(request).name, 'agent.change', controllerId, { ...body });
    const view = await this.agents.get(controllerId);
    return callbackSecret === null ? view : { ...view, callbackSecret };
  }

  /** Removes the product; its open orders end, its history stays. It can enrol again. */
  @Delete(':controllerId')
  @AdministratorsOnly()
  @HttpCode(204)
  async remove(@Param('controllerId') controllerId: string, @Req() request: FastifyRequest): Promise<void> {
    await this.agents.remove(controllerId);
    await this.audit.record(actorOf(request).name, 'agent.remove', controllerId);
  }

  /** A new token; the earlier one is refused from now on. */
  @Post(':controllerId/rotate-token')
  @AdministratorsOnly()
  @HttpCode(200)
  async rotate(@Param('controllerId') controllerId: string, @Req() request: FastifyRequest): Promise<RegisteredAgent> {
    const registered = await this.agents.rotateToken(controllerId);
    await this.audit.record(actorOf(request).name, 'agent.rotate-token', controllerId);
    return registered;
  }

  @Post(':controllerId/approve')
  @AdministratorsOnly()
  @HttpCode(200)
  approve(@Param('controllerId') controllerId: string, @Req() request: FastifyRequest): Promise<AgentView> {
    return this.change(controllerId, { approval: 'approved' }, request);
  }

  @Post(':controllerId/block')
  @AdministratorsOnly()
  @HttpCode(200)
  block(@Param('controllerId') controllerId: string, @Req() request: FastifyRequest): Promise<AgentView> {
    return this.change(controllerId, { approval: 'blocked' }, request);
  }

  /** Updates that the product started itself, newest first. */
  @Get(':controllerId/events')
  async history(@Param('controllerId') controllerId: string, @Query() query: PageQuery): Promise<Page<AgentEventView>> {
    await this.agents.get(controllerId);
    return this.events.list(controllerId, query);
  }
}

async function checkedOrders(body: unknown): Promise<AgentOrderDto[]> {
  const list: unknown[] = Array.isArray(body) ? body : [body];
  if (list.length === 0 || list.length > MAX_AT_ONCE)
    throw new AppError('bad-input', 'validation-failed.agents', { values: { maxAtOnce: MAX_AT_ONCE } });
  const orders: AgentOrderDto[] = [];
  for (const each of list)
    orders.push((await validationPipe.transform(each, { type: 'body', metatype: AgentOrderDto })) as AgentOrderDto);
  return orders;
}

function filterOf(query: AgentListQuery): AgentQuery {
  const { state } = query;
  const approval = state === 'pending' || state === 'blocked' || state === 'approved' ? state : undefined;
  const connection =
    state === 'never'
      ? ('never' as const)
      : state === 'online' || state === 'overdue' || state === 'offline'
        ? intervalsOf(state)
        : undefined;
  return {
    ...(query.group === undefined ? {} : { groups: query.group }),
    approval: connection === undefined ? approval : 'approved',
    connection,
    tag: query.tag,
    product: query.product,
    text: query.text,
    duplicates: query.duplicates,
  };
}
