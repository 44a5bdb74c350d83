import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ChangeFeed } from './change-feed.js';
import { CommandRepository, noCounts } from './command.repository.js';
import type { CommandChange, StateCounts } from './command.types.js';

/** How commands stand, for whoever ordered them; what people see of them is in TrackingService. */
@Injectable()
export class CommandStanding {
  constructor(
    private readonly commands: CommandRepository,
    private readonly feed: ChangeFeed,
  ) {}

  /** Numbers of many commands at once; those that tracking has let go are absent. */
  async countsOf(commandIds: readonly string[], manager?: EntityManager): Promise<Map<string, StateCounts>> {
    const heads = await this.commands.byId(commandIds, manager);
    const bySeq = await this.commands.counts(
      heads.map(({ seq }) => seq),
      manager,
    );
    return new Map(heads.map(({ id, seq }) => [id, bySeq.get(seq) ?? noCounts()]));
  }

  /** Changes made by any node; may come late or be lost with the connection to the database, so look at the tables too. */
  onChange(listener: (change: CommandChange) => void): () => void {
    return this.feed.listen({ command: listener });
  }
}
