import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { Page } from '../../platform/http/page.js';
import { UpdateSourceService, type SelectionPreviewView, type SourceStateView } from './update-source.service.js';
import { PreviewQuery } from './update-source.dto.js';

@ApiTags('settings')
@ApiBearerAuth()
@Controller('api/v1/settings/update-source')
export class UpdateSourceController {
  constructor(private readonly sources: UpdateSourceService) {}

  /** Every configured source: since when it fails, why, and until when the schedule leaves it alone. Always whole: `next` is null. */
  @Get('state')
  async state(): Promise<Page<SourceStateView>> {
    return { items: await this.sources.states(), next: null };
  }

  /** What each selection would mirror, in entries, files and bytes. Before the first download the source is asked. */
  @Get('preview')
  preview(@Query() query: PreviewQuery): Promise<SelectionPreviewView> {
    const components = query.components?.split(',').map((id) => id.trim());
    return this.sources.preview(components?.filter((id) => id !== ''));
  }
}
