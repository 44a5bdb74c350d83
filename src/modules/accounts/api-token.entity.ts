import { Column, Entity, PrimaryColumn } from 'typeorm';

export const ROLES = ['administrator', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** A token for the management API. Only its hash is kept: tokens are 256 random bits, so a fast hash is right. */
@Entity('api_token')
export class ApiToken {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('bytea', { name: 'token_hash' })
  tokenHash: Buffer;

  /** The first characters, so that a person can tell tokens apart. */
  @Column('text', { name: 'token_prefix' })
  tokenPrefix: string;

  @Column('text')
  role: Role;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text', { name: 'created_by', nullable: true })
  createdBy: string | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;
}
