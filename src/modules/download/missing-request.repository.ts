import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { MissingCount, MissingKind } from '../../mirror/source/missing-requests.js';

/** Requests of one key, in all of its channels. */
export interface MissingSum {
  key: string;
  channels: string[];
  count: number;
  lastPath: string;
  lastKind: MissingKind;
  lastAt: Date;
}

/** More keys than that, of a day and channel, are no help to a person. */
const MAX_KEYS = 1000;

/** Paths come from the network and may be cut in the middle of a character: one that cannot be stored must not hold up the others. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

@Injectable()
export class MissingRequestRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Adds counts to those of their day (UTC). Several nodes write the same rows. Anybody may ask for any name, so a day of a channel
   * tells only so many keys apart, and counts the others under `*`; nodes that write at the same moment may each fill it up.
   */
  async add(counts: readonly MissingCount[]): Promise<void> {
    await this.dataSource.query(
      `with arrived as (
         select (c."lastAt" at time zone 'UTC')::date as day, c.channel, c.key, c.count, c.path, c.kind, c."lastAt" as last_at
         from jsonb_to_recordset($1::jsonb)
           as c(channel text, key text, path text, kind text, count bigint, "lastAt" timestamptz)
       ), held as (
         select day, channel, count(*) as keys from missing_request
         where day in (select day from arrived) group by day, channel
       ), placed as (
         select a.*, m.key is not null as known, coalesce(h.keys, 0) + row_number() over
           (partition by a.day, a.channel, m.key is null order by a.count desc, a.key) as place
         from arrived a left join held h using (day, channel) left join missing_request m using (day, channel, key)
       )
       insert into missing_request as old (day, channel, key, count, last_path, last_kind, last_at)
       select day, channel, case when known or place <= ${MAX_KEYS} then key else '*' end, sum(count),
         (array_agg(path order by last_at desc))[1], (array_agg(kind order by last_at desc))[1], max(last_at)
       from placed group by 1, 2, 3 order by 1, 2, 3
       on conflict (day, channel, key) do update set count = old.count + excluded.count,
         last_path = case when excluded.last_at >= old.last_at then excluded.last_path else old.last_path end,
         last_kind = case when excluded.last_at >= old.last_at then excluded.last_kind else old.last_kind end,
         last_at = greatest(old.last_at, excluded.last_at)`,
      [JSON.stringify(counts.map((count) => ({ ...count, key: storable(count.key), path: storable(count.path) })))],
    );
  }

  /** Most wanted first. `from` is a day, YYYY-MM-DD; `after` the count and key of the last one that was seen. */
  async sums(from: string, limit: number, after: readonly (string | number)[] | null): Promise<MissingSum[]> {
    const rows = await this.dataSource.query<(Omit<MissingSum, 'count'> & { count: string })[]>(
      `select key, array_agg(distinct channel order by channel) as channels, sum(count) as count, max(last_at) as "lastAt",
         (array_agg(last_path order by last_at desc))[1] as "lastPath",
         (array_agg(last_kind order by last_at desc))[1] as "lastKind"
       from missing_request where day >= $1::date group by key
       having $3::bigint is null or sum(count) < $3 or (sum(count) = $3 and key > $4)
       order by sum(count) desc, key limit $2`,
      [from, limit, after?.[0] ?? null, after?.[1] ?? null],
    );
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  }

  /** Paths that releases have had, by component: what a missing one may belong to. */
  knownPaths(): Promise<{ component: string; path: string }[]> {
    return this.dataSource.query<{ component: string; path: string }[]>(
      `select distinct r.component_id as component, lower(f.path) as path
       from release_file f join release r on r.id = f.release_id`,
    );
  }

  async prune(before: string): Promise<void> {
    await this.dataSource.query(`delete from missing_request where day < $1::date`, [before]);
  }
}
