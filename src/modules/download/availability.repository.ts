import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Said } from '../../platform/errors/app-error.js';
import type { Sentence } from '../../platform/texts/texts.js';
import type { Channel } from '../../mirror/snapshot/channel.js';

export type AvailabilityState = 'version' | 'unknown' | 'not-carried';

/** What the sources of a channel offer of a component, and since when it is so. */
export interface Availability {
  componentId: string;
  state: AvailabilityState;
  /** Raw; the last that was seen when the state is `unknown`. */
  version: string | null;
  /** Stable code of why it is unknown. */
  reason: string | null;
  detail: string | null;
  /** `detail` in every language; null also in rows from before there was one. */
  text: Sentence | null;
  since: Date;
}

@Injectable()
export class AvailabilityRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** By channel, then by component. */
  async all(): Promise<Record<Channel, Map<string, Availability>>> {
    const rows = await this.dataSource.query<(Availability & { channel: Channel })[]>(
      `select component_id as "componentId", channel, state, version, reason, detail, text, since from component_availability`,
    );
    const known = { global: new Map<string, Availability>(), japan: new Map<string, Availability>() };
    for (const { channel, ...row } of rows) known[channel].set(row.componentId, row);
    return known;
  }

  /** `since` moves only when the state, the version or the reason does. */
  async put(
    channel: Channel,
    rows: Omit<Availability, 'since'>[],
    now: Date,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<void> {
    if (rows.length === 0) return;
    await manager.query(
      `insert into component_availability as old (component_id, channel, state, version, reason, detail, text, since, checked_at)
       select a."componentId", $3, a.state, a.version, a.reason, a.detail, a.text, $2, $2
       from jsonb_to_recordset($1::jsonb) as a("componentId" text, state text, version text, reason text, detail text, text jsonb)
       join component c on c.id = a."componentId"
       on conflict (component_id, channel) do update set state = excluded.state, reason = excluded.reason, detail = excluded.detail, text = excluded.text,
         version = coalesce(excluded.version, case when excluded.state = 'unknown' then old.version end), checked_at = $2,
         since = case when old.state = excluded.state and old.reason is not distinct from excluded.reason
           and (excluded.state = 'unknown' or old.version is not distinct from excluded.version) then old.since else $2 end`,
      [JSON.stringify(rows), now, channel],
    );
  }

  /** The sources of a channel cannot be read at all: nothing is known of any component there. */
  async allUnknown(
    channel: Channel,
    { code: reason, text }: Said,
    now: Date,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<void> {
    const components = await manager.query<{ id: string }[]>(`select id from component where entries <> '{}'`);
    await this.put(
      channel,
      components.map(({ id }) => ({ componentId: id, state: 'unknown', version: null, reason, detail: text.en, text })),
      now,
      manager,
    );
  }
}
