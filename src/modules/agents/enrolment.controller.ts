import { Body, Controller, Delete, Get, HttpCode, Param, ParseUUIDPipe, Post, Put, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../platform/errors/app-error.js';
import { parseInstant } from '../../platform/http/instant.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { AgentChanges } from './agent-changes.js';
import { EnrolmentTokenOrder } from './agent.dto.js';
import { AgentSettings, AgentsSetting } from './agent.settings.js';
import { EnrolmentTokenService, type EnrolmentTokenView } from './enrolment-token.service.js';

const uuid = new ParseUUIDPipe({
  exceptionFactory: () => new AppError('not-found', 'enrolment-token-unknown'),
});

/** How products come in. */
@ApiTags('agents')
@ApiBearerAuth()
@Controller('api/v1')
export class EnrolmentController {
  constructor(
    private readonly tokens: EnrolmentTokenService,
    private readonly settings: AgentSettings,
    private readonly changes: AgentChanges,
    private readonly audit: AuditService,
  ) {}

  /** Newest first. */
  @Get('enrolment-tokens')
  list(@Query() query: PageQuery): Promise<Page<EnrolmentTokenView>> {
    return this.tokens.list(query);
  }

  /** `token` is in this answer and nowhere else. */
  @Post('enrolment-tokens')
  @AdministratorsOnly()
  async create(
    @Body() body: EnrolmentTokenOrder,
    @Req() request: FastifyRequest,
  ): Promise<EnrolmentTokenView & { token: string }> {
    const actor = actorOf(request).name;
    const { expiresAt, ...rest } = body;
    const created = await this.tokens.create({ ...rest, expiresAt: parseInstant(expiresAt) }, actor);
    await this.audit.record(actor, 'enrolment-token.create', created.id, { ...body });
    return created;
  }

  /** Revokes it: whoever has it is refused from now on. */
  @Delete('enrolment-tokens/:id')
  @AdministratorsOnly()
  @HttpCode(204)
  async revoke(@Param('id', uuid) id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.tokens.revoke(id);
    await this.audit.record(actorOf(request).name, 'enrolment-token.revoke', id);
  }

  @Get('settings/agents')
  getSettings(): Promise<AgentsSetting> {
    return this.settings.get();
  }

  @Put('settings/agents')
  @AdministratorsOnly()
  async putSettings(@Body() body: AgentsSetting, @Req() request: FastifyRequest): Promise<AgentsSetting> {
    const actor = actorOf(request).name;
    await this.settings.put(body, actor);
    await this.changes.publish(null);
    await this.audit.record(actor, 'settings.agents', null, { ...body });
    return this.settings.get();
  }
}
