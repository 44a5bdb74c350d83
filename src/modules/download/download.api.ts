/** What other modules may use of downloads. */
export { ComponentService } from './component.service.js';
export { DownloadObservers } from './download.observers.js';
export { DownloadRepository } from './download.repository.js';
export { LicenceSettings, type Licences } from './licence.settings.js';
export { MirrorStandingService, type MirrorStanding } from './mirror-standing.service.js';
export { MissingRequestRecorder } from './missing-request.recorder.js';
export { UpdateEventRepository } from './update-event.repository.js';
