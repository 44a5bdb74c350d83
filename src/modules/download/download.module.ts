import { Module } from '@nestjs/common';
import { AvailabilityRepository } from './availability.repository.js';
import { AvailabilityService } from './availability.service.js';
import { ComponentController } from './component.controller.js';
import { ComponentService } from './component.service.js';
import { DownloadController } from './download.controller.js';
import { DownloadObservers } from './download.observers.js';
import { DownloadRepository } from './download.repository.js';
import { DownloadScheduler } from './download.scheduler.js';
import { DownloadService } from './download.service.js';
import { EventController } from './event.controller.js';
import { LicenceSettings } from './licence.settings.js';
import { MissingRequestController } from './missing-request.controller.js';
import { MirrorStandingService } from './mirror-standing.service.js';
import { MissingRequestRecorder } from './missing-request.recorder.js';
import { MissingRequestRepository } from './missing-request.repository.js';
import { PublicationService } from './publication.service.js';
import { RetentionController } from './retention.controller.js';
import { RetentionScheduler } from './retention.scheduler.js';
import { RollbackService } from './rollback.service.js';
import { SelectableComponents } from './selectable.service.js';
import { SettingsController } from './settings.controller.js';
import { SnapshotController } from './snapshot.controller.js';
import { TrackingObserver } from './tracking.observer.js';
import { UpdateEventRepository } from './update-event.repository.js';
import { UploadController } from './upload.controller.js';
import { UploadObservers } from './upload.observers.js';
import { UploadService } from './upload.service.js';
import { UpdateSourceController } from './update-source.controller.js';
import { OwnAddress } from './own-address.js';
import { UpdateSourceService } from './update-source.service.js';

/** When and what to mirror, and what people see of it. */
@Module({
  controllers: [
    ComponentController,
    DownloadController,
    EventController,
    MissingRequestController,
    RetentionController,
    SettingsController,
    SnapshotController,
    UploadController,
    UpdateSourceController,
  ],
  providers: [
    AvailabilityRepository,
    AvailabilityService,
    ComponentService,
    DownloadObservers,
    DownloadRepository,
    DownloadScheduler,
    DownloadService,
    LicenceSettings,
    MirrorStandingService,
    MissingRequestRecorder,
    MissingRequestRepository,
    PublicationService,
    RetentionScheduler,
    RollbackService,
    SelectableComponents,
    TrackingObserver,
    UpdateEventRepository,
    UploadObservers,
    UploadService,
    UpdateSourceService,
    OwnAddress,
  ],
  exports: [
    ComponentService,
    DownloadObservers,
    DownloadRepository,
    DownloadService,
    DownloadScheduler,
    LicenceSettings,
    PublicationService,
    UpdateEventRepository,
    UploadObservers,
  ],
})
export class DownloadModule {}
