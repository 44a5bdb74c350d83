/** What other modules may use of downloads. */
export { ComponentService } from './component.service.js';
export type { DownloadState } from './download.entity.js';
export { DownloadObservers, type DownloadObserver } from './download.observers.js';
export { DownloadRepository } from './download.repository.js';
export { LicenceSettings, type Licences } from './licence.settings.js';
export { UpdateEventRepository } from './update-event.repository.js';
