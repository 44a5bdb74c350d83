import { Injectable } from '@nestjs/common';
import { CatalogueRepository, unknownComponent } from '../../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { isSelected } from '../../mirror/snapshot/mirror-plan.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { LicenceSettings } from './licence.settings.js';

/** What a person may name for a download. */
@Injectable()
export class SelectableComponents {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly settings: MirrorSettings,
    private readonly licences: LicenceSettings,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `component-unknown`, `component-not-licensed`, `component-not-selected`. */
  async require(ids: string[]): Promise<void> {
    const known = new Map((await this.catalogue.list()).map((component) => [component.id, component]));
    const licensed = await this.licences.read();
    const { selection } = await this.settings.updateSource();
    for (const id of ids) {
      const component = known.get(id);
      if (component === undefined) throw unknownComponent(id);
      if (!licensed.covers(component, this.clock.now()))
        throw new AppError('unprocessable', 'component-not-licensed', {
          details: { component: id, licence: component.licence },
        });
      if (!isSelected(selection, id))
        throw new AppError('unprocessable', 'component-not-selected', { details: { component: id } });
    }
  }
}
