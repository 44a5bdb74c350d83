import { AppError, faultOf, toAppError } from '../../platform/errors/app-error.js';
import { texts } from '../../platform/texts/texts.js';
import { channelsRead, type UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { Channel } from './channel.js';
import type { ChannelFault } from './mirror-order.js';
import type { ReadRequest, SourceRead, SourceReader } from './source-reader.js';

/** Null: the channel has no sources of its own, or they could not be read. */
export type ChannelReads = Record<Channel, SourceRead | null> & {
  /** Channels whose own sources could not be read; they stay as they are. */
  faults: ChannelFault[];
};

export interface ChannelsRequest {
  setting: UpdateSourceSetting;
  /** What is asked of a channel's sources. */
  request: (channel: Channel) => ReadRequest;
  /** Whether the channel has something that can stay while its sources cannot be read. */
  canStay: (channel: Channel) => boolean;
}

/** `bad-input`: a setting that only this channel's sources need, such as a CA file. */
function isOfSources({ kind, code }: AppError): boolean {
  return kind === 'upstream' || kind === 'bad-input' || code === 'upstream-cooling-down';
}

function channelError(channel: Channel, error: AppError): AppError {
  const text = texts(`source.unread.${channel}`, (language) => ({ why: error.text[language] }));
  const details = { ...error.details, channel };
  return new AppError(error.kind, { code: error.code, text }, { details, cause: error });
}

/**
 * Reads the sources of each channel that has its own; a fault of one channel's sources does not hold up the other.
 * @throws AppError of the sources when there is no other channel to go on with, or the channel has nothing that could stay;
 *   of our disk; `cancelled`.
 */
export async function readChannels(reader: SourceReader, input: ChannelsRequest): Promise<ChannelReads> {
  const { setting, request, canStay } = input;
  const sources = { global: setting.sources, japan: setting.japanSources };
  const reads: ChannelReads = { global: null, japan: null, faults: [] };
  const channels = channelsRead(setting);
  for (const channel of channels) {
    try {
      reads[channel] = await reader.readFirst(request(channel), sources[channel]);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (channels.length === 1 || !isOfSources(error)) throw thrown;
      const told = channelError(channel, error);
      // Where nothing was read for the other one either, nothing is published that would need this one.
      if (!canStay(channel) && reads.faults.length === 0) throw told;
      reads.faults.push({ channel, ...faultOf(told), details: told.details });
    }
  }
  return reads;
}
