import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { channelsRead } from '../../mirror/settings/mirror.settings.js';
import type { Channel } from '../../mirror/snapshot/channel.js';
import type { Offer } from '../../mirror/snapshot/component-outcome.js';
import type { MirrorOutcome } from '../../mirror/snapshot/mirror-order.js';
import type { AppError } from '../../platform/errors/app-error.js';
import { Clock } from '../../platform/clock/clock.js';
import { AvailabilityRepository, type Availability } from './availability.repository.js';
import { availabilityOf } from './download-outcome.js';

/** What is known of the versions that sources offer. It is kept by channel, as far as a channel has sources of its own. */
@Injectable()
export class AvailabilityService {
  constructor(
    private readonly repository: AvailabilityRepository,
    private readonly settings: MirrorSettings,
    private readonly clock: Clock,
  ) {}

  /** By component; a channel that follows the global one can have what the global sources offer. */
  async of(channel: Channel): Promise<Map<string, Availability>> {
    const known = await this.repository.all();
    return known[(await this.channels()).includes(channel) ? channel : 'global'];
  }

  /** Channels of whose sources something is not known, so that a manifest is of interest although it has not changed. */
  async uncertain(): Promise<Set<Channel>> {
    const known = await this.repository.all();
    const isUncertain = (channel: Channel): boolean =>
      known[channel].size === 0 || [...known[channel].values()].some(({ state }) => state === 'unknown');
    return new Set((await this.channels()).filter(isUncertain));
  }

  /** After a run: what it read of each channel's sources; of those that it did not read everything stays as it was. */
  async learnt(
    { offers, channelFaults }: Pick<MirrorOutcome, 'offers' | 'channelFaults'>,
    manager?: EntityManager,
  ): Promise<void> {
    const now = this.clock.now();
    for (const [channel, each] of Object.entries(offers) as [Channel, Offer[]][])
      await this.repository.put(channel, each.map(availabilityOf), now, manager);
    // A source that was not asked during its pause says nothing new: why it asked for it is known already.
    for (const { channel, ...fault } of channelFaults)
      if (fault.code !== 'upstream-cooling-down') await this.repository.allUnknown(channel, fault, now, manager);
  }

  /** After a run that came to nothing: nothing is known of what is offered where it failed. */
  async failed(error: AppError): Promise<void> {
    // `bad-input`: a setting of ours (a CA file, an address) keeps us from asking at all. `storage`: what is offered cannot be taken.
    const { kind, details } = error;
    if (kind !== 'upstream' && kind !== 'bad-input' && kind !== 'storage') return;
    const source: Channel = details['channel'] === 'japan' ? 'japan' : 'global';
    for (const channel of kind === 'upstream' ? [source] : await this.channels())
      await this.repository.allUnknown(channel, error, this.clock.now());
  }

  private async channels(): Promise<Channel[]> {
    return channelsRead(await this.settings.updateSource());
  }
}
