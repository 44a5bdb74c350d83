import { Body, Controller, Get, Put, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { SettingStore } from '../../database/setting-store.js';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { DistributionSetting, ProxySetting, UpdateSourceSetting } from '../../mirror/settings/mirror.settings.js';
import { PublishedDirectory } from '../../mirror/snapshot/published-directory.js';
import { SourceOpener } from '../../mirror/snapshot/source-opener.js';
import { PublishListener } from '../../mirror/snapshot/snapshot-publisher.js';
import { readCaFile } from '../../mirror/upstream/ca-file.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { actorOf, AdministratorsOnly, AuditService } from '../accounts/accounts.api.js';
import { LicencesSetting, LicenceSettings } from './licence.settings.js';
import { OwnAddress } from './own-address.js';
import { canFire, DownloadScheduleSetting, nextDue, SCHEDULE_DEFAULT } from './schedule.settings.js';

/** A PUT takes what a GET gave; every change is audited. */
@ApiTags('settings')
@ApiBearerAuth()
@Controller('api/v1/settings')
export class SettingsController {
  constructor(
    private readonly settings: MirrorSettings,
    private readonly sources: SourceOpener,
    private readonly ownAddress: OwnAddress,
    private readonly catalogue: CatalogueRepository,
    private readonly store: SettingStore,
    private readonly licences: LicenceSettings,
    private readonly directory: PublishedDirectory,
    private readonly published: PublishListener,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  @Get('update-source')
  updateSource(): Promise<UpdateSourceSetting> {
    return this.settings.updateSource();
  }

  @Put('update-source')
  @AdministratorsOnly()
  async putUpdateSource(
    @Body() body: UpdateSourceSetting,
    @Req() request: FastifyRequest,
  ): Promise<UpdateSourceSetting> {
    const actor = actorOf(request).name;
    await this.requireSelection(body.selection);
    await this.requireCaFile(body.caFile ?? null);
    await this.requireOtherServers(body);
    await this.settings.putUpdateSource({ ...body, caFile: body.caFile ?? null }, actor);
    this.sources.limitBandwidth(body.bandwidthBytesPerSecond);
    await this.audit.record(actor, 'settings.update-source', null, { ...body });
    return this.settings.updateSource();
  }

  /** A selection of nothing would publish nothing: whoever wants that has mistyped. */
  private async requireSelection({ mode, components }: UpdateSourceSetting['selection']): Promise<void> {
    if (mode !== 'selected') return;
    const known = new Set((await this.catalogue.list()).map(({ id }) => id));
    const unknown = components.filter((id) => !known.has(id));
    if (unknown.length > 0)
      throw new AppError('bad-input', 'component-unknown.listed', {
        details: { components: unknown },
      });
    if (components.length === 0) throw new AppError('bad-input', 'selection-empty.components');
  }

  /** What is set already goes back as it came. */
  private async requireOtherServers({ sources, japanSources }: UpdateSourceSetting): Promise<void> {
    const before = await this.settings.updateSource();
    const known = new Set([...before.sources, ...before.japanSources].map(({ url }) => url));
    const given = [...sources, ...japanSources].map(({ url }) => url);
    await this.ownAddress.requireOthers(given.filter((url) => !known.has(url)));
  }

  /** Every later download would fail of it. A file that is set already may vanish and come back: it is not asked for again. */
  private async requireCaFile(path: string | null): Promise<void> {
    if (path === null || path === (await this.settings.updateSource()).caFile) return;
    try {
      readCaFile(path);
    } catch (thrown) {
      const error = toAppError(thrown);
      throw new AppError('unprocessable', error, { details: error.details, cause: thrown });
    }
  }

  @Get('proxy')
  proxy(): Promise<ProxySetting> {
    return this.settings.shownProxy();
  }

  @Put('proxy')
  @AdministratorsOnly()
  async putProxy(@Body() body: ProxySetting, @Req() request: FastifyRequest): Promise<ProxySetting> {
    const actor = actorOf(request).name;
    await this.settings.putProxy(body, actor);
    await this.audit.record(actor, 'settings.proxy', null, {
      enabled: body.enabled,
      url: body.url,
      username: body.username,
    });
    return this.settings.shownProxy();
  }

  @Get('download-schedule')
  async schedule(): Promise<DownloadScheduleSetting> {
    return { ...SCHEDULE_DEFAULT, ...(await this.store.get('download-schedule', SCHEDULE_DEFAULT)) };
  }

  /** When the schedule will start a download next. */
  @Get('download-schedule/next')
  async next(): Promise<{ next: string | null }> {
    return { next: nextDue(await this.schedule(), this.clock.now())?.toISOString() ?? null };
  }

  @Put('download-schedule')
  @AdministratorsOnly()
  async putSchedule(
    @Body() body: DownloadScheduleSetting,
    @Req() request: FastifyRequest,
  ): Promise<DownloadScheduleSetting> {
    const actor = actorOf(request).name;
    const value = { ...body, exceptions: body.exceptions ?? SCHEDULE_DEFAULT.exceptions };
    if (value.enabled && !canFire(value)) throw new AppError('unprocessable', 'schedule-never');
    await this.store.put('download-schedule', value, actor, this.clock.now());
    await this.audit.record(actor, 'settings.download-schedule', null, { ...value });
    return this.schedule();
  }

  @Get('distribution')
  distribution(): Promise<DistributionSetting> {
    return this.settings.distribution();
  }

  @Put('distribution')
  @AdministratorsOnly()
  async putDistribution(
    @Body() body: DistributionSetting,
    @Req() request: FastifyRequest,
  ): Promise<DistributionSetting> {
    const actor = actorOf(request).name;
    await this.settings.putDistribution(body, actor);
    await this.directory.setDefaultChannel(body.defaultChannel);
    await this.published.refresh();
    await this.audit.record(actor, 'settings.distribution', null, { ...body });
    return this.settings.distribution();
  }

  /** Which licences this site has: a component without one is not downloaded. */
  @Get('licences')
  getLicences(): Promise<LicencesSetting> {
    return this.licences.get();
  }

  @Put('licences')
  @AdministratorsOnly()
  async putLicences(@Body() body: LicencesSetting, @Req() request: FastifyRequest): Promise<LicencesSetting> {
    const actor = actorOf(request).name;
    await this.licences.put(body, actor);
    await this.audit.record(actor, 'settings.licences', null, { ...body });
    return this.licences.get();
  }
}
