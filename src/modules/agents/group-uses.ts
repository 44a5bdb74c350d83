import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AppError } from '../../platform/errors/app-error.js';

/** Name of something that refers to the group; null: nothing does. */
export type GroupUse = (manager: EntityManager, groupId: string) => Promise<string | null>;

/** Whoever refers to groups without the database knowing says so here: such a group stays. */
@Injectable()
export class GroupUses {
  private readonly uses: GroupUse[] = [];

  add(use: GroupUse): void {
    this.uses.push(use);
  }

  /** @throws AppError `agent-group-in-use`. */
  async requireUnused(manager: EntityManager, groupId: string): Promise<void> {
    for (const use of this.uses) {
      const plan = await use(manager, groupId);
      if (plan !== null) throw new AppError('conflict', 'agent-group-in-use', { details: { plan } });
    }
  }
}
