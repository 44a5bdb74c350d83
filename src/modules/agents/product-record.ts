import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AgentRepository } from './agent.repository.js';
import type { InventoryItem } from './inventory.js';
import { InventoryRepository } from './inventory.repository.js';

/** What others learn about products, written into their records. */
@Injectable()
export class ProductRecord {
  constructor(
    private readonly agents: AgentRepository,
    private readonly inventory: InventoryRepository,
  ) {}

  /** An update that succeeded is in force before the product's next inventory says so; that is asked for (agent-protocol.md §1). */
  async installed(manager: EntityManager, controllerId: string, items: InventoryItem[], now: Date): Promise<void> {
    await this.inventory.storeComponents(manager, controllerId, items, now);
    await this.inventory.wantConfigData(manager, controllerId);
  }

  /** What we believe of it is not true any more: it is asked. */
  outdated(manager: EntityManager, controllerId: string): Promise<void> {
    return this.inventory.wantConfigData(manager, controllerId);
  }

  /** The server pushed something: with the product's own schedule on, that is a conflict to show. */
  pushed(manager: EntityManager, controllerId: string, now: Date): Promise<void> {
    return this.agents.storePush(manager, controllerId, now);
  }
}
