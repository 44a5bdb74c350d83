import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../platform/errors/app-error.js';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { parseInstant } from '../../platform/http/instant.js';
import type { Page, PageQuery } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { CommandOrder, CommandQuery, ExportQuery, TargetQuery } from './command.dto.js';
import { CommandService } from './command.service.js';
import { CommandSettings, CommandsSetting } from './command.settings.js';
import { OrderService } from './order.service.js';
import { TrackingExport } from './tracking.export.js';
import type { TrackingFilter } from './tracking.repository.js';
import { TrackingService, type CommandDetails, type TargetTimeline } from './tracking.service.js';
import type { CommandView, TargetView } from './tracking.view.js';

/** Command tracking. */
@ApiTags('commands')
@ApiBearerAuth()
@Controller('api/v1')
export class CommandController {
  constructor(
    private readonly tracking: TrackingService,
    private readonly commands: CommandService,
    private readonly orders: OrderService,
    private readonly exports: TrackingExport,
    private readonly settings: CommandSettings,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** Everything that was ordered, newest first: deployments, downloads, uploads, commands to products. */
  @Get('commands')
  list(@Query() query: CommandQuery): Promise<Page<CommandView>> {
    return this.tracking.list(query, filterOf(query));
  }

  /** Orders something other than a deployment. Products that cannot do it are skipped at once. */
  @Post('commands')
  @TakesIdempotencyKey()
  @HttpCode(202)
  order(@Body() body: CommandOrder, @Req() request: FastifyRequest): Promise<{ id: string }> {
    const actor = actorOf(request).name;
    return this.idempotency.once(request, 'commands', body, async (keep) => {
      const { commandId } = await this.orders.order(body, actor, async (manager, id) => {
        await this.audit.record(actor, `command.${body.type}`, id, { targets: body.targets }, manager);
        await keep(manager, { id });
      });
      return { id: commandId };
    });
  }

  /** The list with all targets, one line each, streamed. */
  @Get('commands/export')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProduces('text/csv', 'application/x-ndjson')
  export(@Query() query: ExportQuery, @Res() reply: FastifyReply): void {
    const { format } = query;
    void reply
      .header('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
      .header('content-disposition', `attachment; filename="commands.${format}"`)
      .header('cache-control', 'no-store')
      .send(Readable.from(this.exports.lines(filterOf(query), format), { objectMode: false }));
  }

  @Get('commands/:id')
  get(@Param('id') id: string): Promise<CommandDetails> {
    return this.tracking.get(id);
  }

  /** In order of the controllerId. */
  @Get('commands/:id/targets')
  targets(@Param('id') id: string, @Query() query: TargetQuery): Promise<Page<TargetView>> {
    return this.tracking.targetsOf(id, query, query.state);
  }

  /** One target: its tries, and everything that the product told. */
  @Get('commands/:id/targets/:controllerId')
  target(@Param('id') id: string, @Param('controllerId') controllerId: string): Promise<TargetTimeline> {
    return this.tracking.target(id, controllerId);
  }

  /** Withdraws what waits; products that have begun are asked to stop and confirm it. */
  @Post('commands/:id/cancel')
  @TakesIdempotencyKey()
  @HttpCode(202)
  async cancel(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<{ id: string; withdrawn: number; asked: number }> {
    const actor = actorOf(request).name;
    await this.requireProducts(id);
    return this.idempotency.once(request, 'command-cancel', { id }, async (keep) => {
      const outcome = await this.commands.cancel(id, actor, undefined, async (manager, made) => {
        await this.audit.record(actor, 'command.cancel', id, { ...made }, manager);
        await keep(manager, { id, ...made });
      });
      return { id, ...outcome };
    });
  }

  /** Another try for what failed, and for nothing else. */
  @Post('commands/:id/retry')
  @TakesIdempotencyKey()
  @HttpCode(202)
  async retry(@Param('id') id: string, @Req() request: FastifyRequest): Promise<{ id: string; retried: number }> {
    const actor = actorOf(request).name;
    await this.requireProducts(id);
    return this.idempotency.once(request, 'command-retry', { id }, async (keep) => {
      const retried = await this.commands.retryFailed(id, async (manager, made) => {
        await this.audit.record(actor, 'command.retry', id, { retried: made }, manager);
        await keep(manager, { id, retried: made });
      });
      return { id, retried };
    });
  }

  @Get('settings/commands')
  getSettings(): Promise<CommandsSetting> {
    return this.settings.get();
  }

  @Put('settings/commands')
  @AdministratorsOnly()
  async putSettings(@Body() body: CommandsSetting, @Req() request: FastifyRequest): Promise<CommandsSetting> {
    const actor = actorOf(request).name;
    await this.settings.put(body, actor);
    await this.audit.record(actor, 'settings.commands', null, { ...body });
    return this.settings.get();
  }

  /** The server's own work is steered where it is started. */
  private async requireProducts(id: string): Promise<void> {
    const { type, downloadId } = await this.tracking.find(id);
    if (type === 'download' || type === 'upload')
      throw new AppError('conflict', 'command-of-server', { values: { type }, details: { download: downloadId } });
  }
}

function filterOf(query: Omit<CommandQuery, keyof PageQuery>): TrackingFilter {
  return {
    types: query.type,
    state: query.state,
    issuedBy: query.issuedBy,
    from: parseInstant(query.from) ?? undefined,
    to: parseInstant(query.to) ?? undefined,
    agent: query.agent,
    component: query.component,
    deployment: query.deployment,
    text: query.text?.trim() === '' ? undefined : query.text,
  };
}
