import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StoredFault } from '../../platform/errors/app-error.js';
import type { ComponentOutcome } from '../../mirror/snapshot/component-outcome.js';

export const DOWNLOAD_STATES = [
  'queued',
  'running',
  'succeeded',
  'partial',
  'unchanged',
  'failed',
  'cancelled',
] as const;
export type DownloadState = (typeof DOWNLOAD_STATES)[number];

const bigint = { to: (n: number) => n, from: Number };

/** One run against the source, from the wish to its outcome; also the lock: at most one is open on all nodes. */
@Entity('download')
export class Download {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  trigger: 'manual' | 'schedule';

  @Column('text')
  state: DownloadState;

  /** What a person named; null: everything. */
  @Column('text', { array: true, nullable: true })
  components: string[] | null;

  @Column('text', { name: 'started_by' })
  startedBy: string;

  /** The minute of the schedule that caused it: on many nodes only one gets it. */
  @Column('timestamptz', { nullable: true })
  tick: Date | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;

  @Column('text', { name: 'owner_node', nullable: true })
  ownerNode: string | null;

  @Column('integer', { name: 'owner_pid', nullable: true })
  ownerPid: number | null;

  /** With the pid and the token, the owner's `ProcessMark`. */
  @Column('text', { name: 'owner_place', nullable: true })
  ownerPlace: string | null;

  @Column('text', { name: 'owner_token', nullable: true })
  ownerToken: string | null;

  /** The owner says that it lives; silence for a while makes the lock stale. */
  @Column('timestamptz', { name: 'heartbeat_at', nullable: true })
  heartbeatAt: Date | null;

  @Column('timestamptz', { name: 'cancel_requested_at', nullable: true })
  cancelRequestedAt: Date | null;

  @Column('text', { name: 'cancel_requested_by', nullable: true })
  cancelRequestedBy: string | null;

  @Column('text', { nullable: true })
  phase: string | null;

  @Column('text', { nullable: true })
  source: string | null;

  @Column('integer', { name: 'files_done' })
  filesDone: number;

  @Column('integer', { name: 'files_total' })
  filesTotal: number;

  @Column('bigint', { name: 'bytes_done', transformer: bigint })
  bytesDone: number;

  @Column('bigint', { name: 'bytes_total', transformer: bigint })
  bytesTotal: number;

  @Column('jsonb')
  outcomes: ComponentOutcome[];

  @Column('text', { name: 'snapshot_id', nullable: true })
  snapshotId: string | null;

  @Column('jsonb', { nullable: true })
  error: (StoredFault & { details?: Record<string, unknown> }) | null;
}
