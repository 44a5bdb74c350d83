import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { PageQuery, type Page } from '../../platform/http/page.js';
import { AuditService } from './audit.service.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  /** Who changed what, newest first. */
  @Get()
  list(@Query() query: PageQuery): Promise<Page<Record<string, unknown>>> {
    return this.audit.list(query);
  }
}
