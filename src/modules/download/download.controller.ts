import { Body, Controller, Get, HttpCode, Param, ParseUUIDPipe, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { AppError } from '../../platform/errors/app-error.js';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { actorOf, AuditService } from '../accounts/accounts.api.js';
import { DownloadRepository } from './download.repository.js';
import { DownloadService } from './download.service.js';
import { downloadView, type DownloadView } from './download.view.js';
import { DownloadOrder } from './download.dto.js';

/** Only of ids that cannot be a download's: says the same as for one that does not exist. */
const uuid = new ParseUUIDPipe({
  exceptionFactory: () => new AppError('not-found', 'download-unknown.malformed'),
});

@ApiTags('downloads')
@ApiBearerAuth()
@Controller('api/v1/downloads')
export class DownloadController {
  constructor(
    private readonly downloads: DownloadService,
    private readonly repository: DownloadRepository,
    private readonly catalogue: CatalogueRepository,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** Starts a download; 409 with the id of the running one while one runs. */
  @Post()
  @TakesIdempotencyKey()
  @HttpCode(202)
  start(@Body() body: DownloadOrder, @Req() request: FastifyRequest): Promise<{ id: string }> {
    const actor = actorOf(request).name;
    return this.idempotency.once(request, 'downloads', body, async (keep) => {
      const { components = null } = body;
      const id = await this.downloads.startManual(components, actor, async (manager, made) => {
        await this.audit.record(actor, 'download.start', made, { components: components ?? 'all' }, manager);
        await keep(manager, { id: made });
      });
      return { id };
    });
  }

  /** Every download, newest first. */
  @Get()
  async list(@Query() query: PageQuery): Promise<Page<DownloadView>> {
    const live = this.downloads.live();
    const components = await this.components();
    const page = await this.repository.list(query);
    return {
      ...page,
      items: page.items.map((each) => downloadView(each, components, live)),
    };
  }

  @Get(':id')
  async get(@Param('id', uuid) id: string): Promise<DownloadView> {
    const live = this.downloads.live();
    const download = await this.repository.find(id);
    if (download === null) throw new AppError('not-found', 'download-unknown', { values: { id } });
    return downloadView(download, await this.components(), live);
  }

  /** Asks a running download to stop; what was published stays in force. */
  @Post(':id/cancel')
  @TakesIdempotencyKey()
  @HttpCode(202)
  async cancel(@Param('id', uuid) id: string, @Req() request: FastifyRequest): Promise<{ id: string }> {
    const actor = actorOf(request).name;
    return this.idempotency.once(request, 'download-cancel', { id }, async (keep) => {
      await this.downloads.cancel(id, actor, async (manager) => {
        await this.audit.record(actor, 'download.cancel', id, {}, manager);
        await keep(manager, { id });
      });
      return { id };
    });
  }

  private async components(): Promise<Map<string, Component>> {
    return new Map((await this.catalogue.list()).map((component) => [component.id, component]));
  }
}
