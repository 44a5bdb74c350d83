import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  Matches,
  MaxLength,
  ValidateNested,
  ArrayMaxSize,
  MinLength,
  IsInt,
  Min,
  Max,
} from 'class-validator';
import { Type } from 'class-transformer';
import type { FastifyRequest } from 'fastify';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { COMPONENT_KINDS, type ComponentKind } from '../../mirror/catalogue/component.entity.js';
import { NUMBERINGS, type Numbering } from '../../mirror/manifest/version.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { Clock } from '../../platform/clock/clock.js';
import { pageOf, PageQuery, type Page } from '../../platform/http/page.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { ComponentService } from './component.service.js';
import type { ComponentView } from './component.view.js';
import { RollbackService } from './rollback.service.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

const UNIT_ID = /^(P|E)\.[0-9A-Fa-f]{1,8}$|^Info_[A-Za-z0-9_]{1,60}$/;

export class ComponentNames {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  ja: string;

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  en: string;
}

export class NewComponent {
  /** Lower-case letters, digits and hyphens; never changed later. */
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'id must be lower-case letters, digits and hyphens, 63 at most' })
  id: string;

  @IsObject()
  @ValidateNested()
  @Type(() => ComponentNames)
  names: ComponentNames;

  @IsIn(COMPONENT_KINDS)
  kind: ComponentKind;

  @MayBeMissing()
  @IsIn(NUMBERINGS)
  numbering?: Numbering;

  /** Entries of the manifest that belong to it: `P.4`, `E.20000`. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(UNIT_ID, { each: true, message: 'entries must be ids of manifest entries such as P.4 or E.20000' })
  entries?: string[];

  @MayBeMissing()
  @IsString()
  @MaxLength(64)
  licence?: string;
}

export class ComponentChange {
  @MayBeMissing()
  @ValidateNested()
  @Type(() => ComponentNames)
  names?: ComponentNames;

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(UNIT_ID, { each: true, message: 'entries must be ids of manifest entries such as P.4 or E.20000' })
  entries?: string[];

  /** Suffixes of variants that the japan channel derives. */
  @MayBeMissing()
  @IsArray()
  @IsIn(['80'], { each: true })
  variants?: string[];

  @MayBeMissing()
  @IsBoolean()
  scheduled?: boolean;

  @MayBeMissing()
  @IsString()
  @MaxLength(64)
  licence?: string;

  @MayBeMissing()
  @IsArray()
  @IsIn(['scan-service', 'policy-service'], { each: true })
  restarts?: string[];
}

export class ComponentQuery extends PageQuery {
  /** Default: the default channel. */
  @MayBeMissing()
  @IsIn(CHANNELS)
  channel?: Channel;
}

export class RollbackOrder {
  /** How many generations back; 1 by default. */
  @MayBeMissing()
  @IsInt()
  @Min(1)
  @Max(100)
  generations?: number;

  /** Instead of counting: the release to go back to. */
  @MayBeMissing()
  @IsString()
  releaseId?: string;
}

@ApiTags('components')
@ApiBearerAuth()
@Controller('api/v1/components')
export class ComponentController {
  constructor(
    private readonly components: ComponentService,
    private readonly catalogue: CatalogueRepository,
    private readonly rollbacks: RollbackService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Current and available version of every component, with the reason when something is unknown. */
  @Get()
  async list(@Query() query: ComponentQuery): Promise<Page<ComponentView>> {
    return pageOf(await this.components.list(query.channel), query);
  }

  @Get(':id')
  get(@Param('id') id: string, @Query() query: ComponentQuery): Promise<ComponentView> {
    return this.components.get(id, query.channel);
  }

  /** Adds a component to the catalogue. */
  @Post()
  @AdministratorsOnly()
  async create(@Body() body: NewComponent, @Req() request: FastifyRequest): Promise<ComponentView> {
    const now = this.clock.now();
    await this.catalogue.insert({
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
      filePatterns: [],
      cadence: { kind: 'irregular' },
      builtIn: false,
      scheduled: true,
      position: 1000,
      createdAt: now,
      updatedAt: now,
    });
    await this.audit.record(actorOf(request).name, 'component.create', body.id, { names: body.names, kind: body.kind });
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
  @HttpCode(200)
  async rollback(
    @Param('id') id: string,
    @Body() body: RollbackOrder,
    @Req() request: FastifyRequest,
  ): Promise<ComponentView> {
    await this.rollbacks.rollback(id, body, actorOf(request).name);
    return this.components.get(id);
  }

  /** Ends a rollback: the component follows the schedule again, and the next download brings its newest release. */
  @Post(':id/resume')
  @HttpCode(200)
  async resume(@Param('id') id: string, @Req() request: FastifyRequest): Promise<ComponentView> {
    await this.rollbacks.resume(id, actorOf(request).name);
    return this.components.get(id);
  }
}
