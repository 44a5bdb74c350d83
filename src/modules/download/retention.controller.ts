import { Body, Controller, Get, HttpCode, Param, Patch, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { RetentionService } from '../../mirror/snapshot/retention.service.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { PublicationService, type SnapshotView } from './publication.service.js';
import { RetentionScheduler } from './retention.scheduler.js';
import { retentionView, type RetentionView } from './retention.view.js';
import { SnapshotChange } from './snapshot.dto.js';

@ApiTags('publication')
@ApiBearerAuth()
@Controller('api/v1')
export class RetentionController {
  constructor(
    private readonly retention: RetentionService,
    private readonly scheduler: RetentionScheduler,
    private readonly publication: PublicationService,
    private readonly catalogue: CatalogueRepository,
    private readonly audit: AuditService,
  ) {}

  /** What the next collection would remove; the rules are in the distribution setting. */
  @Get('retention')
  async preview(): Promise<RetentionView> {
    return retentionView(await this.retention.preview(), await this.components());
  }

  /** Removes it now. */
  @Post('retention/run')
  @AdministratorsOnly()
  @HttpCode(200)
  async run(@Req() request: FastifyRequest): Promise<RetentionView> {
    const report = await this.scheduler.collect();
    await this.audit.record(actorOf(request).name, 'retention.run', null, {
      snapshots: report.snapshots.length,
      releases: report.releases.length,
      blobs: report.blobs,
    });
    return retentionView(report, await this.components());
  }

  /** Keeps a snapshot whatever its age, or lets it go with the others. */
  @Patch('snapshots/:id')
  async pin(
    @Param('id') id: string,
    @Body() body: SnapshotChange,
    @Req() request: FastifyRequest,
  ): Promise<SnapshotView> {
    await this.retention.pin(id, body.pinned);
    await this.audit.record(actorOf(request).name, 'snapshot.pin', id, { pinned: body.pinned });
    return this.publication.snapshot(id);
  }

  private async components(): Promise<Map<string, Component>> {
    return new Map((await this.catalogue.list()).map((component) => [component.id, component]));
  }
}
