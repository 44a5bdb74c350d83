/** What a puller subscribes to. Both are always published together, from one set of decisions. */
export const CHANNELS = ['global', 'japan'] as const;
export type Channel = (typeof CHANNELS)[number];

export function isChannel(text: string): text is Channel {
  return (CHANNELS as readonly string[]).includes(text);
}
