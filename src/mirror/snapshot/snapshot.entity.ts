import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An immutable set of releases and files, rendered for every channel. */
@Entity('snapshot')
export class Snapshot {
  /** Sorts by time: `20261122T215003123Z-1a2b3c`; also what `@<snapshot>` takes. */
  @PrimaryColumn('text')
  id: string;

  /** `prepared`: complete on disk, not yet in force; a crash in between is rolled forward. */
  @Column('text')
  state: 'prepared' | 'published';

  /** What caused it: `download`, `upload`, `rollback`. */
  @Column('text')
  reason: string;

  @Column('uuid', { name: 'download_id', nullable: true })
  downloadId: string | null;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'published_at', nullable: true })
  publishedAt: Date | null;

  /** Kept by retention until a person lets it go. */
  @Column('boolean')
  pinned: boolean;
}

@Entity('snapshot_channel')
export class SnapshotChannel {
  @PrimaryColumn('text', { name: 'snapshot_id' })
  snapshotId: string;

  @PrimaryColumn('text')
  channel: string;

  @Column('text', { name: 'manifest_sha256' })
  manifestSha256: string;

  @Column('integer', { name: 'file_count' })
  fileCount: number;

  @Column('bigint', { name: 'total_bytes', transformer: { to: (n: number) => n, from: Number } })
  totalBytes: number;
}

@Entity('snapshot_release')
export class SnapshotRelease {
  @PrimaryColumn('text', { name: 'snapshot_id' })
  snapshotId: string;

  @PrimaryColumn('text')
  channel: string;

  @PrimaryColumn('text', { name: 'component_id' })
  componentId: string;

  @Column('uuid', { name: 'release_id' })
  releaseId: string;
}

@Entity('component_pin')
export class ComponentPin {
  @PrimaryColumn('text', { name: 'component_id' })
  componentId: string;

  @PrimaryColumn('text')
  channel: string;

  @Column('uuid', { name: 'release_id' })
  releaseId: string;

  @Column('timestamptz', { name: 'pinned_at' })
  pinnedAt: Date;

  @Column('text', { name: 'pinned_by' })
  pinnedBy: string;
}
