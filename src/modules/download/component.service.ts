import { Injectable } from '@nestjs/common';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { isSelected } from '../../mirror/snapshot/mirror-plan.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import { ReleaseRepository } from '../../mirror/snapshot/release.repository.js';
import { SnapshotPublisher } from '../../mirror/snapshot/snapshot-publisher.js';
import { SnapshotRepository } from '../../mirror/snapshot/snapshot.repository.js';
import { Clock } from '../../platform/clock/clock.js';
import { AvailabilityService } from './availability.service.js';
import { componentView, type ComponentView } from './component.view.js';
import { LicenceSettings } from './licence.settings.js';

/** What a person sees of components: current and available versions, and why. */
@Injectable()
export class ComponentService {
  constructor(
    private readonly catalogue: CatalogueRepository,
    private readonly settings: MirrorSettings,
    private readonly releases: ReleaseRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly publisher: SnapshotPublisher,
    private readonly availability: AvailabilityService,
    private readonly licences: LicenceSettings,
    private readonly clock: Clock,
  ) {}

  /** All components, as the given channel (default: the default channel) publishes them. */
  async list(channel?: Channel): Promise<ComponentView[]> {
    return this.views(await this.catalogue.list(), channel);
  }

  /** @throws AppError `component-unknown`. */
  async get(id: string, channel?: Channel): Promise<ComponentView> {
    const [view] = await this.views([await this.catalogue.get(id)], channel);
    return view as ComponentView;
  }

  private async views(components: Component[], wanted?: Channel): Promise<ComponentView[]> {
    const channel = wanted ?? (await this.settings.distribution()).defaultChannel;
    const current = await this.currentReleases();
    const availability = await this.availability.of(channel);
    const licences = await this.licences.read();
    const { selection } = await this.settings.updateSource();
    const pinned = new Set((await this.snapshots.pins()).map((pin) => pin.componentId));
    const now = this.clock.now();
    return components.map((component) =>
      componentView({
        component,
        releases: Object.fromEntries(CHANNELS.map((each) => [each, current[each].get(component.id)])),
        channel,
        availability: availability.get(component.id),
        licensed: licences.covers(component, now),
        selected: isSelected(selection, component.id),
        rolledBack: pinned.has(component.id),
      }),
    );
  }

  /** Component → release in force, per channel. */
  async currentReleases(): Promise<Record<Channel, Map<string, Release>>> {
    const result: Record<Channel, Map<string, Release>> = { global: new Map(), japan: new Map() };
    for (const channel of CHANNELS) {
      const snapshotId = await this.publisher.states.inForce(channel);
      if (snapshotId === null) continue;
      const ids = await this.snapshots.releases(snapshotId, channel);
      const releases = await this.releases.findMany([...ids.values()]);
      for (const release of releases.values()) result[channel].set(release.componentId, release);
    }
    return result;
  }
}
