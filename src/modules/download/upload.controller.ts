import { Controller, Param, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { BlobStore } from '../../mirror/store/blob-store.js';
import { toAppError } from '../../platform/errors/app-error.js';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { ACCEPTS_FORMS } from '../../platform/http/forms.js';
import { actorOf } from '../accounts/accounts.api.js';
import { PublicationService, type ReleaseView } from './publication.service.js';
import { readUploadForm, type UploadForm } from './upload.form.js';
import { UploadService, type UploadOutcome } from './upload.service.js';
import { UploadQuery } from './upload.dto.js';

export type UploadView = ReleaseView & Pick<UploadOutcome, 'published' | 'snapshotId' | 'warnings'>;

@ApiTags('components')
@ApiBearerAuth()
@Controller('api/v1/components')
export class UploadController {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly settings: MirrorSettings,
    private readonly blobs: BlobStore,
    private readonly uploads: UploadService,
    private readonly publication: PublicationService,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * Uploads a release: the file, its version where the name does not tell it, and the signature file that belongs beside it. It is
   * published at once in both channels when it is newer than what is in force; else it is recorded and can be deployed.
   */
  @Post(':id/releases')
  @TakesIdempotencyKey()
  @RouteConfig(ACCEPTS_FORMS)
  @ApiConsumes('multipart/form-data')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['file'],
      properties: {
        file: { type: 'string', format: 'binary' },
        version: { type: 'string', description: 'As people read it (17.241.00) or as the manifest has it (1724100).' },
        signature: { type: 'string', format: 'binary', description: 'Served beside the file, extension .sig.' },
      },
    },
  })
  async upload(
    @Param('id') id: string,
    @Query() query: UploadQuery,
    @Req() request: FastifyRequest,
  ): Promise<UploadView> {
    const actor = actorOf(request).name;
    const component = await this.catalogue.get(id);
    let made: UploadOutcome;
    try {
      const form = await readUploadForm(request, this.blobs, (await this.settings.distribution()).maxUploadBytes);
      const force = query.publish === 'force';
      made = await this.idempotency.once<UploadOutcome>(request, 'uploads', identityOf(id, form, force), (keep) =>
        this.uploads.publish(component, form, force, actor, keep),
      );
    } catch (thrown) {
      // What went wrong first is what the caller has to know; a database that is away goes wrong here once more.
      await this.uploads.refused(id, toAppError(thrown), actor).catch(() => undefined);
      throw thrown;
    }
    const { releaseId, ...outcome } = made;
    return { ...(await this.publication.release(releaseId)), ...outcome };
  }
}

/** What makes two orders the same. */
function identityOf(component: string, form: UploadForm, force: boolean): Record<string, unknown> {
  const { file, version, signature } = form;
  return { component, force, version, name: file.name, sha256: file.sha256, signature: signature?.sha256 ?? null };
}
