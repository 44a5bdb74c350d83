import { Column, Entity, PrimaryColumn } from 'typeorm';

export type EventTrigger =
  | 'schedule'
  | 'manual'
  | 'upload'
  | 'rollback'
  | 'resume'
  | 'deployment'
  // What products told of updates that they started themselves.
  | 'product-schedule'
  | 'product-manual'
  | 'product-rollback';

/** One line of the update log: one component, one outcome. The texts are made when it is read, in the reader's language. */
@Entity('update_event')
export class UpdateEvent {
  @PrimaryColumn('bigint', { generated: 'identity' })
  id: string;

  @Column('timestamptz')
  at: Date;

  @Column('text')
  trigger: EventTrigger;

  @Column('text', { name: 'component_id', nullable: true })
  componentId: string | null;

  @Column('text')
  outcome: string;

  @Column('text', { nullable: true })
  version: string | null;

  @Column('text', { name: 'version_before', nullable: true })
  versionBefore: string | null;

  @Column('text')
  actor: string;

  @Column('uuid', { name: 'download_id', nullable: true })
  downloadId: string | null;

  @Column('uuid', { name: 'release_id', nullable: true })
  releaseId: string | null;

  /** Error code of a failure. */
  @Column('text', { nullable: true })
  code: string | null;

  @Column('jsonb')
  params: object;
}
