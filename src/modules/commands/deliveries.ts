import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { ActionRepository, type ActionRow, type WantedAction } from './action.repository.js';

/** Statements under way at once: the second one is prepared while the database works on the first. */
const AT_ONCE = 2;
/** Rows of one statement: enough that its own cost vanishes, few enough that the first product is not kept waiting. */
const MOST = 500;

interface Wanted extends WantedAction {
  settle: (action: ActionRow | null) => void;
  fail: (fault: unknown) => void;
}

/**
 * Writes that products have fetched their orders. After an order to many, all of them fetch it within seconds: what comes in while
 * a statement runs goes into the next one, so a single product waits for nobody and ten thousand need few statements.
 */
@Injectable()
export class Deliveries {
  private waiting: Wanted[] = [];
  private running = 0;

  constructor(
    private readonly actions: ActionRepository,
    private readonly clock: Clock,
  ) {}

  /** The action, if this request was the one that fetched it; null when it is not (or not any more) there to be fetched. */
  deliver(wanted: WantedAction): Promise<ActionRow | null> {
    return new Promise((settle, fail) => {
      this.waiting.push({ ...wanted, settle, fail });
      // Not at once: what else arrived with the same turn of the event loop comes along.
      if (this.waiting.length === 1) setImmediate(() => this.next());
    });
  }

  private next(): void {
    while (this.running < AT_ONCE && this.waiting.length > 0) {
      const part = this.waiting.splice(0, MOST);
      this.running += 1;
      void this.write(part).finally(() => {
        this.running -= 1;
        this.next();
      });
    }
  }

  private async write(part: Wanted[]): Promise<void> {
    try {
      const delivered = await this.actions.deliver(part, this.clock.now());
      const rows = new Map(delivered.map((row) => [row.actionId, row]));
      for (const { actionId, settle } of part) {
        settle(rows.get(actionId) ?? null);
        // The product asked twice at once: one of them fetched it.
        rows.delete(actionId);
      }
    } catch (fault) {
      for (const { fail } of part) fail(fault);
    }
  }
}
