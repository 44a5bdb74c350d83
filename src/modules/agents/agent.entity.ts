import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AgentLicence, Approval } from './fleet.types.js';

/** What tells that two machines use one identity. */
export interface DuplicateEvidence {
  since: string;
  sources: string[];
  /** Name of the token by which a second one took the place of the first. */
  enrolledBy?: string;
}

/** A managed product. What changes at every poll is in agent_contact. */
@Entity('agent')
export class Agent {
  @PrimaryColumn('text', { name: 'controller_id' })
  controllerId: string;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('uuid', { name: 'group_id' })
  groupId: string;

  @Column('text')
  approval: Approval;

  @Column('bytea', { name: 'token_hash', nullable: true })
  tokenHash: Buffer | null;

  @Column('text', { name: 'product_type', nullable: true })
  productType: string | null;

  @Column('text', { name: 'product_version', nullable: true })
  productVersion: string | null;

  @Column('text', { array: true })
  tags: string[];

  /** As the product sent them with configData. */
  @Column('jsonb')
  attributes: Record<string, string>;

  @Column('text', { array: true })
  capabilities: string[];

  /** The product's own update schedule: `on`, `off`, or null when it did not tell. */
  @Column('text', { name: 'own_schedule', nullable: true })
  ownSchedule: string | null;

  /** Since when the product runs an update that it started itself. */
  @Column('timestamptz', { name: 'own_update_since', nullable: true })
  ownUpdateSince: Date | null;

  /** When the server last pushed to it while its own schedule was on. */
  @Column('timestamptz', { name: 'pushed_at', nullable: true })
  pushedAt: Date | null;

  @Column('jsonb', { nullable: true })
  licences: AgentLicence[] | null;

  @Column('boolean', { name: 'config_data_wanted' })
  configDataWanted: boolean;

  @Column('timestamptz', { name: 'config_data_at', nullable: true })
  configDataAt: Date | null;

  @Column('boolean', { name: 'auto_confirm' })
  autoConfirm: boolean;

  @Column('text', { name: 'callback_url', nullable: true })
  callbackUrl: string | null;

  /** Sealed. */
  @Column('text', { name: 'callback_secret', nullable: true })
  callbackSecret: string | null;

  @Column('jsonb', { nullable: true })
  duplicate: DuplicateEvidence | null;

  /** `registered` by a person, `enrolled` by itself. */
  @Column('text')
  origin: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text', { name: 'created_by' })
  createdBy: string;
}
