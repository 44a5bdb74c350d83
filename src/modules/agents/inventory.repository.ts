import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ComponentReport, Inventory, InventoryItem } from './inventory.js';

const REPORTED_COLUMNS = `n("controllerId" text, "componentId" text, version text, "rawVersion" text, variant text)`;
const REPORTED = `jsonb_to_recordset($9::jsonb) as ${REPORTED_COLUMNS}`;

/** Writes what changed and nothing else. */
function upsertComponents(rows: string, now: string, source = '', where = ''): string {
  return `insert into agent_component as old (controller_id, component_id, version, raw_version, variant, reported_at)
   select n."controllerId", n."componentId", n.version, n."rawVersion", n.variant, ${now}
   from ${source} jsonb_to_recordset(${rows}::jsonb) as ${REPORTED_COLUMNS} ${where === '' ? 'where true' : where}
   on conflict (controller_id, component_id) do update
     set version = excluded.version, raw_version = excluded.raw_version, variant = excluded.variant, reported_at = excluded.reported_at
     where (old.raw_version, old.version, old.variant) is distinct from (excluded.raw_version, excluded.version, excluded.variant)`;
}

/** SQL of what products report about themselves, and of what is known to be in force at them. */
@Injectable()
export class InventoryRepository {
  /** Attributes and what follows from them, in one transaction. @returns the attributes and callback of before. */
  async lockForConfigData(
    manager: EntityManager,
    controllerId: string,
  ): Promise<{ attributes: Record<string, string>; callbackUrl: string | null; ownUpdateSince: Date | null } | null> {
    const [row] = await manager.query<
      { attributes: Record<string, string>; callbackUrl: string | null; ownUpdateSince: Date | null }[]
    >(
      `select attributes, callback_url as "callbackUrl", own_update_since as "ownUpdateSince" from agent
       where controller_id = $1 for update`,
      [controllerId],
    );
    return row ?? null;
  }

  async storeInventory(
    manager: EntityManager,
    controllerId: string,
    attributes: Record<string, string>,
    inventory: Omit<Inventory, 'ownUpdateRunning'> & { ownUpdateSince: Date | null },
    { items, withdrawn }: ComponentReport,
    now: Date,
  ): Promise<void> {
    await manager.query(
      `with known as (
         update agent set attributes = $2, product_type = coalesce($3, product_type), product_version = coalesce($4, product_version),
           capabilities = $5, own_schedule = $6, own_update_since = $7,
           config_data_wanted = false, config_data_at = $8
         where controller_id = $1),
       gone as (delete from agent_component where controller_id = $1
         and case when $10::text[] is null then component_id not in (select n."componentId" from ${REPORTED})
           else component_id = any($10) end) ${upsertComponents('$9', '$8')}`,
      [
        controllerId,
        JSON.stringify(attributes),
        inventory.productType,
        inventory.productVersion,
        inventory.capabilities,
        inventory.ownSchedule,
        inventory.ownUpdateSince,
        now,
        JSON.stringify(items.map((item) => ({ controllerId, ...item }))),
        withdrawn === 'others' ? null : withdrawn,
      ],
    );
  }

  /** Versions that are known to be in force at a product; nothing when there is no such product. */
  async storeComponents(
    manager: EntityManager,
    controllerId: string,
    items: InventoryItem[],
    now: Date,
  ): Promise<void> {
    if (items.length === 0) return;
    // The product first, by its key: of the list the planner knows nothing, and would read all products for it.
    await manager.query(upsertComponents('$1', '$2', 'agent a cross join', 'where a.controller_id = $3'), [
      JSON.stringify(items.map((item) => ({ controllerId, ...item }))),
      now,
      controllerId,
    ]);
  }

  /** The product is to say anew what it has. */
  async wantConfigData(manager: EntityManager, controllerId: string): Promise<void> {
    await manager.query(`update agent set config_data_wanted = true where controller_id = $1`, [controllerId]);
  }
}
