import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Where products are that nobody placed yet; made by the migration. */
export const NEW_ENTITY = '00000000-0000-4000-8000-000000000001';

/** A folder in the tree of managed products. */
@Entity('agent_group')
export class AgentGroup {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'parent_id', nullable: true })
  parentId: string | null;

  @Column('text')
  name: string;

  /** For its products and those of its subgroups that have none of their own; null: as above. */
  @Column('integer', { name: 'poll_interval_seconds', nullable: true })
  pollIntervalSeconds: number | null;

  @Column('boolean', { name: 'built_in' })
  builtIn: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
