import { Injectable } from '@nestjs/common';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { SelectionPreview, type SelectionPreviewResult } from '../../mirror/snapshot/selection-preview.js';
import { UpstreamMemory } from '../../mirror/snapshot/upstream-memory.js';
import { caFileFault } from '../../mirror/upstream/ca-file.js';
import { type Fault, storedFault } from '../../platform/errors/app-error.js';
import { Clock } from '../../platform/clock/clock.js';

/** How one configured source stands. */
export interface SourceStateView {
  url: string;
  /** Channel whose tree is read from it. */
  channel: Channel;
  /** When its manifest was last read and used. */
  lastReadAt: string | null;
  /** Null while it answers properly, and until a download has met the fault. */
  failingSince: string | null;
  lastError: Fault | null;
  /** The schedule leaves it alone until then; a person need not wait. Null when there is no pause. */
  coolDownUntil: string | null;
  coolDownReason: string | null;
}

export interface SelectionPreviewView extends Omit<SelectionPreviewResult, 'readAt'> {
  readAt: string;
}

/** What is known of the configured sources; reading only. */
@Injectable()
export class UpdateSourceService {
  constructor(
    private readonly settings: MirrorSettings,
    private readonly memory: UpstreamMemory,
    private readonly previews: SelectionPreview,
    private readonly clock: Clock,
  ) {}

  async states(): Promise<SourceStateView[]> {
    const setting = await this.settings.updateSource();
    const sources: Record<Channel, { url: string }[]> = { global: setting.sources, japan: setting.japanSources };
    const now = this.clock.now();
    const configured = CHANNELS.flatMap((channel) => sources[channel].map(({ url }) => ({ channel, url })));
    return Promise.all(
      configured.map(async ({ channel, url }) => {
        const state = await this.memory.state(url);
        // It may have gone since the last download, and the next one will fail of it.
        const unreadable = url.startsWith('https:') && setting.caFile ? caFileFault(setting.caFile) : null;
        const lastError = unreadable ?? state.lastError;
        const pausing = state.coolDownUntil !== null && state.coolDownUntil > now;
        return {
          url,
          channel,
          lastReadAt: state.readAt?.toISOString() ?? null,
          failingSince: state.failingSince?.toISOString() ?? null,
          lastError: lastError && storedFault(lastError),
          coolDownUntil: pausing ? (state.coolDownUntil?.toISOString() ?? null) : null,
          coolDownReason: pausing ? state.coolDownReason : null,
        };
      }),
    );
  }

  async preview(components?: readonly string[]): Promise<SelectionPreviewView> {
    const preview = await this.previews.preview(this.clock.now(), components);
    return { ...preview, readAt: preview.readAt.toISOString() };
  }
}
