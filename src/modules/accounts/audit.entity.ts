import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who did what to which object: of orders written with the act, of everything else right after it. Never changed. */
@Entity('audit_entry')
export class AuditEntry {
  @PrimaryColumn('bigint', { generated: 'identity' })
  id: string;

  @Column('timestamptz')
  at: Date;

  @Column('text')
  actor: string;

  @Column('text')
  action: string;

  @Column('text', { nullable: true })
  object: string | null;

  @Column('jsonb')
  details: Record<string, unknown>;

  /** `x-request-id` of the answer to the request that did it; null for what the server did by itself. */
  @Column('text', { name: 'request_id', nullable: true })
  requestId: string | null;
}
