import { Column, Entity, PrimaryColumn } from 'typeorm';

export const EVENT_TRIGGERS = [
  'schedule',
  'manual',
  'upload',
  'rollback',
  'resume',
  'deployment',
  // What products told of updates that they started themselves.
  'product-schedule',
  'product-manual',
  'product-rollback',
] as const;
export type EventTrigger = (typeof EVENT_TRIGGERS)[number];

export const EVENT_OUTCOMES = [
  'updated',
  'unchanged',
  'failed',
  'cancelled',
  // An upload that did not come into force.
  'recorded',
  // Of deployments.
  'paused',
  'awaiting-approval',
] as const;
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

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
  outcome: EventOutcome;

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
