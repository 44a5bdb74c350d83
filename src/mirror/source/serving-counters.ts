import type { Channel } from '../snapshot/channel.js';
import type { SourceMetrics } from './update-source.handler.js';

export interface AnswerCount {
  readonly channel: Channel | 'none';
  readonly status: number;
  readonly answers: number;
  /** Bytes of bodies. */
  readonly bytes: number;
}

/** Plain sums of what was served: cheap enough for every poll, read by whoever publishes metrics. */
export class ServingCounters implements SourceMetrics {
  private readonly counts = new Map<
    string,
    { channel: Channel | 'none'; status: number; answers: number; bytes: number }
  >();

  answered(channel: Channel | 'none', status: number, bytes: number): void {
    this.add({ channel, status, answers: 1, bytes });
  }

  /** Also takes sums from content workers. */
  add({ channel, status, answers, bytes }: AnswerCount): void {
    const key = `${channel} ${status}`;
    const count = this.counts.get(key);
    if (count) {
      count.answers += answers;
      count.bytes += bytes;
    } else {
      this.counts.set(key, { channel, status, answers, bytes });
    }
  }

  totals(): AnswerCount[] {
    return [...this.counts.values()].map((count) => ({ ...count }));
  }

  /** Hands the sums over and begins anew. */
  drain(): AnswerCount[] {
    const totals = this.totals();
    this.counts.clear();
    return totals;
  }
}
