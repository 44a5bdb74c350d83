import type { DataSource, EntityManager } from 'typeorm';
import { CHANNELS, type Channel } from './channel.js';
import { ComponentPin, Snapshot, SnapshotChannel, SnapshotRelease } from './snapshot.entity.js';

export interface NewSnapshot {
  id: string;
  reason: string;
  downloadId: string | null;
  createdBy: string;
  channels: {
    channel: Channel;
    manifestSha256: string;
    fileCount: number;
    totalBytes: number;
    releases: Map<string, string>;
  }[];
}

/** What is recorded of the tree that a channel has of a snapshot. */
export interface RecordedTree {
  createdAt: Date;
  manifestSha256: string;
  fileCount: number;
  totalBytes: number;
  /** Component by lower-cased path, of the files and signatures of its releases. */
  components: Map<string, string>;
}

/** All SQL of snapshots and pins. */
export class SnapshotRepository {
  constructor(private readonly dataSource: DataSource) {}

  async insert(manager: EntityManager, snapshot: NewSnapshot, now: Date): Promise<void> {
    await manager.insert(Snapshot, {
      id: snapshot.id,
      state: 'prepared',
      reason: snapshot.reason,
      downloadId: snapshot.downloadId,
      createdBy: snapshot.createdBy,
      createdAt: now,
      publishedAt: null,
      pinned: false,
    });
    for (const { channel, releases, ...facts } of snapshot.channels) {
      await manager.insert(SnapshotChannel, { snapshotId: snapshot.id, channel, ...facts });
      await manager.query(
        `insert into snapshot_release (snapshot_id, channel, component_id, release_id)
         select $1, $2, r.component, r.release from unnest($3::text[], $4::uuid[]) as r(component, release)`,
        [snapshot.id, channel, [...releases.keys()], [...releases.values()]],
      );
    }
  }

  /** Also remembers which releases each channel has published; that outlives the snapshot. */
  async markPublished(id: string, now: Date): Promise<void> {
    await this.dataSource.query(
      `with published as (
         update snapshot set state = 'published', published_at = $2 where id = $1 and state = 'prepared' returning created_at)
       insert into release_publication as old (release_id, channel, first_at, last_at)
       select distinct sr.release_id, sr.channel, p.created_at, p.created_at
       from published p, snapshot_release sr where sr.snapshot_id = $1
       on conflict (release_id, channel) do update set last_at = greatest(old.last_at, excluded.last_at)`,
      [id, now],
    );
  }

  /** A snapshot that a crash left between the database and the pointer, if there is one: always the newest. */
  async prepared(): Promise<string | null> {
    const [row] = await this.dataSource.query<{ id: string; state: string }[]>(
      `select id, state from snapshot order by created_at desc, id desc limit 1`,
    );
    return row?.state === 'prepared' ? row.id : null;
  }

  async discardPrepared(): Promise<void> {
    await this.dataSource.query(`delete from snapshot where state = 'prepared'`);
  }

  /** Component → release of a snapshot's channel. */
  async releases(snapshotId: string, channel: Channel): Promise<Map<string, string>> {
    const rows = await this.dataSource.getRepository(SnapshotRelease).findBy({ snapshotId, channel });
    return new Map(rows.map((row) => [row.componentId, row.releaseId]));
  }

  /** Null when the database does not know the snapshot. */
  async recordedTree(snapshotId: string, channel: Channel): Promise<RecordedTree | null> {
    const snapshot = await this.dataSource.getRepository(Snapshot).findOneBy({ id: snapshotId });
    const tree = await this.dataSource.getRepository(SnapshotChannel).findOneBy({ snapshotId, channel });
    if (snapshot === null || tree === null) return null;
    const files = await this.dataSource.query<{ path: string; component: string }[]>(
      `select lower(name) as path, sr.component_id as component
       from snapshot_release sr join release_file f using (release_id), unnest(array[f.path, f.signature_path]) as name
       where sr.snapshot_id = $1 and sr.channel = $2 and name is not null`,
      [snapshotId, channel],
    );
    const { manifestSha256, fileCount, totalBytes } = tree;
    const components = new Map(files.map(({ path, component }) => [path, component]));
    return { createdAt: snapshot.createdAt, manifestSha256, fileCount, totalBytes, components };
  }

  /** Of all snapshots that are recorded; their number is bounded by retention. */
  async ids(): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(`select id from snapshot`);
    return new Set(rows.map((row) => row.id));
  }

  pins(): Promise<ComponentPin[]> {
    return this.dataSource.getRepository(ComponentPin).find();
  }

  async pin(manager: EntityManager, pin: ComponentPin): Promise<void> {
    await manager.upsert(ComponentPin, pin, ['componentId', 'channel']);
  }

  async unpin(
    manager: EntityManager,
    componentIds: readonly string[],
    channels: readonly Channel[] = CHANNELS,
  ): Promise<number> {
    if (componentIds.length === 0) return 0;
    const result = await manager
      .createQueryBuilder()
      .delete()
      .from(ComponentPin)
      .where('component_id = any(:ids)', { ids: componentIds })
      .andWhere('channel in (:...channels)', { channels })
      .execute();
    return result.affected ?? 0;
  }
}
