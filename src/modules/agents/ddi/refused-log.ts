import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../../../platform/logging/logger.js';

const QUIET_MS = 60_000;
const MAX_ADDRESSES = 1_000;

/** One line a minute for each address that is refused, however often it tries. */
@Injectable()
export class RefusedLog {
  private readonly seen = new Map<string, { at: number; kept: number }>();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  note(address: string, controllerId: string): void {
    const now = performance.now();
    const known = this.seen.get(address);
    if (known !== undefined && now - known.at < QUIET_MS) {
      known.kept += 1;
      return;
    }
    if (known === undefined && this.seen.size >= MAX_ADDRESSES) this.forget(now);
    // Full of addresses of this very minute: somebody plays; one line for all of them is enough.
    if (this.seen.size >= MAX_ADDRESSES) return;
    this.seen.set(address, { at: now, kept: 0 });
    this.logger.warn(
      { address, controllerId: controllerId.slice(0, 100), refusedSince: known?.kept ?? 0 },
      'a product was refused: wrong or missing token',
    );
  }

  private forget(now: number): void {
    for (const [address, { at }] of this.seen) if (now - at >= QUIET_MS) this.seen.delete(address);
  }
}
