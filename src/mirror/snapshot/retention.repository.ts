import type { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import type { Origin } from './release.entity.js';

export interface RecordedSnapshot {
  id: string;
  createdAt: Date;
  pinned: boolean;
  releases: Set<string>;
}

export interface RecordedRelease {
  id: string;
  componentId: string;
  version: string;
  variant: string | null;
  origin: Origin;
  derivedFrom: string | null;
  createdAt: Date;
  lastInForceAt: Date;
  /** Contents of its files and their signatures. */
  blobs: string[];
}

const FORGET_AT_ONCE = 1000;
/** A file that the source did not have, or one of a version long gone, is asked for anew after so long. */
const FORGET_UPSTREAM_FILES_AFTER = '90 days';

/** All SQL of retention. */
export class RetentionRepository {
  constructor(private readonly dataSource: DataSource) {}

  async snapshots(): Promise<RecordedSnapshot[]> {
    const rows = await this.dataSource.query<(Omit<RecordedSnapshot, 'releases'> & { releases: string[] })[]>(
      `select s.id, s.created_at as "createdAt", s.pinned,
         array(select distinct release_id::text from snapshot_release sr where sr.snapshot_id = s.id) as releases
       from snapshot s`,
    );
    return rows.map((row) => ({ ...row, releases: new Set(row.releases) }));
  }

  releases(): Promise<RecordedRelease[]> {
    return this.dataSource.query<RecordedRelease[]>(
      `select r.id, r.component_id as "componentId", r.version, r.variant, r.origin, r.derived_from as "derivedFrom",
         r.created_at as "createdAt",
         coalesce((select max(p.last_at) from release_publication p where p.release_id = r.id), r.created_at) as "lastInForceAt",
         array(select f.sha256 from release_file f where f.release_id = r.id union
           select f.signature_sha256 from release_file f where f.release_id = r.id and f.signature_sha256 is not null) as blobs
       from release r`,
    );
  }

  async pinnedReleases(): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(`select distinct release_id as id from component_pin`);
    return rows.map((row) => row.id);
  }

  /** Contents that no file of the tree needs, but the next run does. */
  async upstreamManifests(): Promise<string[]> {
    const rows = await this.dataSource.query<{ sha: string }[]>(
      `select manifest_sha256 as sha from upstream_state where manifest_sha256 is not null`,
    );
    return rows.map((row) => row.sha);
  }

  /** Snapshots first, then releases, all or nothing. */
  async remove(snapshots: readonly string[], releases: readonly string[]): Promise<void> {
    await inTransaction(this.dataSource, async (manager) => {
      await manager.query(`delete from snapshot where id = any($1)`, [snapshots]);
      await manager.query(`delete from release where id = any($1::uuid[])`, [releases]);
    });
  }

  /** The memory of the sources must not promise content that is gone. */
  async forgetContents(sha256: readonly string[]): Promise<void> {
    for (let at = 0; at < sha256.length; at += FORGET_AT_ONCE)
      await this.dataSource.query(`delete from upstream_file where sha256 = any($1)`, [
        sha256.slice(at, at + FORGET_AT_ONCE),
      ]);
  }

  /** What no run has asked for in a long time, and what was doubted of signatures long ago. */
  async forgetOldMemories(now: Date): Promise<void> {
    const before = `$1::timestamptz - $2::interval`;
    const ages = [now, FORGET_UPSTREAM_FILES_AFTER];
    await this.dataSource.query(`delete from upstream_file where sha256 is null and seen_at < ${before}`, ages);
    await this.dataSource.query(`delete from signature_doubt where since < ${before}`, ages);
  }

  /** False when there is no such snapshot. */
  async setPinned(id: string, pinned: boolean): Promise<boolean> {
    const [, count] = await this.dataSource.query<[unknown[], number]>(
      `update snapshot set pinned = $2 where id = $1 and state = 'published'`,
      [id, pinned],
    );
    return count > 0;
  }
}
