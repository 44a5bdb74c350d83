import { Column, Entity, PrimaryColumn } from 'typeorm';

export const ENROLMENT_KINDS = ['gateway', 'enrolment'] as const;
export type EnrolmentKind = (typeof ENROLMENT_KINDS)[number];

/** A token by which products enrol themselves. `gateway` may also act for the agents of its group. */
@Entity('enrolment_token')
export class EnrolmentToken {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('text')
  kind: EnrolmentKind;

  @Column('bytea', { name: 'token_hash' })
  tokenHash: Buffer;

  @Column('text', { name: 'token_prefix' })
  tokenPrefix: string;

  /** Where the enrolled products land; a gateway acts for this group and its subgroups, for all when it is New Entity. */
  @Column('uuid', { name: 'group_id' })
  groupId: string;

  /** null: as the setting says. */
  @Column('boolean', { name: 'auto_approve', nullable: true })
  autoApprove: boolean | null;

  /** null: no limit. */
  @Column('integer', { name: 'uses_left', nullable: true })
  usesLeft: number | null;

  @Column('integer')
  uses: number;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text', { name: 'created_by' })
  createdBy: string;
}
