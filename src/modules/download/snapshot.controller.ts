import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { pageOf, PageQuery, type Page } from '../../platform/http/page.js';
import { PublicationService, type ChannelView, type ReleaseView, type SnapshotView } from './publication.service.js';
import { ReleaseQuery } from './snapshot.dto.js';

@ApiTags('publication')
@ApiBearerAuth()
@Controller('api/v1')
export class SnapshotController {
  constructor(private readonly publication: PublicationService) {}

  /** What each channel serves, since when, and from what. */
  @Get('channels')
  async channels(@Query() query: PageQuery): Promise<Page<ChannelView>> {
    return pageOf(await this.publication.channels(), query);
  }

  /** Newest first; `id` is what `@<snapshot>` takes in the update source's URLs. */
  @Get('snapshots')
  snapshots(@Query() query: PageQuery): Promise<Page<SnapshotView>> {
    return this.publication.snapshots(query);
  }

  @Get('snapshots/:id')
  snapshot(@Param('id') id: string): Promise<SnapshotView> {
    return this.publication.snapshot(id);
  }

  /** Newest first; with origin and files. */
  @Get('releases')
  releases(@Query() query: ReleaseQuery): Promise<Page<ReleaseView>> {
    return this.publication.releases(query, query.component);
  }

  @Get('releases/:id')
  release(@Param('id') id: string): Promise<ReleaseView> {
    return this.publication.release(id);
  }
}
