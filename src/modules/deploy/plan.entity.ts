import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Binding, PauseRule, Ring } from './plan.definition.js';

/** A deployment plan as people keep it; deployments copy it when they are ordered. */
@Entity('deployment_plan')
export class DeploymentPlan {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('jsonb')
  rings: Ring[];

  @Column('jsonb', { name: 'pause_when' })
  pauseWhen: PauseRule;

  @Column('boolean', { name: 'late_joiners' })
  lateJoiners: boolean;

  /** The plan that engines follow instead, in a command of their own. */
  @Column('uuid', { name: 'engine_plan_id', nullable: true })
  enginePlanId: string | null;

  /** Whether downloads start it by themselves, and when. */
  @Column('text', { name: 'bound_to' })
  boundTo: Binding;

  /** Components to which the binding refers; null: all that no other bound plan names. */
  @Column('text', { array: true, nullable: true })
  components: string[] | null;

  @Column('boolean', { name: 'built_in' })
  builtIn: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt: Date;

  @Column('text', { name: 'updated_by' })
  updatedBy: string;
}
