import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { FleetSelection } from '../agents/agents.api.js';
import type { DeployParameters, DeployedRelease, MaintenanceWindow } from '../commands/commands.api.js';
import type { PauseRule, Ring } from './plan.definition.js';
import type { RingCounts } from './ring.engine.js';

/** How many of each kind a selection names. */
export type SelectionCounts = Record<'agents' | 'groups' | 'tags' | 'productTypes', number> & { all: boolean };

/** A deployment without the names of its selection, of which there may be a hundred thousand. */
export type ListedDeployment = Omit<Deployment, 'selection'>;

/** What was ordered of one component; `olderToo`: by name or after a rollback, so an older version is meant. */
export interface OrderedRelease extends DeployedRelease {
  olderToo?: boolean;
}

/** One wish: what, for whom, when. */
@Entity('deployment')
export class Deployment {
  @PrimaryColumn('uuid')
  id: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('text')
  trigger: 'person' | 'download';

  @Column('uuid', { name: 'download_id', nullable: true })
  downloadId: string | null;

  @Column('uuid', { name: 'plan_id', nullable: true })
  planId: string | null;

  @Column('text', { name: 'plan_name', nullable: true })
  planName: string | null;

  @Column('jsonb')
  releases: OrderedRelease[];

  @Column('jsonb')
  selection: FleetSelection;

  @Column('jsonb')
  mode: DeployParameters['mode'];

  @Column('jsonb', { name: 'maintenance_window', nullable: true })
  window: MaintenanceWindow | null;

  @Column('boolean')
  forced: boolean;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;
}

export type PartKind = 'all' | 'patterns' | 'engines';
export type PartState = 'running' | 'paused' | 'aborted' | 'finished';

/** Which part's state stands for a deployment: what needs a person comes first, then what still runs. */
export const PART_URGENCY: readonly PartState[] = ['paused', 'running', 'aborted', 'finished'];

/** What of a deployment follows one plan in one command. */
@Entity('deployment_part')
export class DeploymentPart {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'deployment_id' })
  deploymentId: string;

  @Column('text')
  kind: PartKind;

  @Column('uuid', { name: 'command_id' })
  commandId: string;

  @Column('jsonb')
  rings: Ring[];

  @Column('jsonb', { name: 'pause_when' })
  pauseWhen: PauseRule;

  @Column('boolean', { name: 'late_joiners' })
  lateJoiners: boolean;

  /** The end of the download, or the order: delays count from here. */
  @Column('timestamptz', { name: 'basis_at' })
  basisAt: Date;

  /** How long a product has from the moment at which its ring lets it through; null: see `targetExpiry`. */
  @Column('integer', { name: 'target_hours', nullable: true })
  targetHours: number | null;

  @Column('text')
  state: PartState;

  /** Why it is paused, aborted or finished; a stable code. */
  @Column('text', { nullable: true })
  reason: string | null;

  @Column('jsonb', { name: 'reason_details' })
  reasonDetails: Record<string, unknown>;

  @Column('timestamptz')
  since: Date;

  @Column('text', { name: 'changed_by' })
  changedBy: string;

  @Column('timestamptz', { name: 'check_at' })
  checkAt: Date;

  @Column('timestamptz', { name: 'joiners_at' })
  joinersAt: Date;

  /** Nothing of it can change any more; its counts are written down. */
  @Column('boolean')
  settled: boolean;
}

@Entity('deployment_ring')
export class DeploymentRing {
  @PrimaryColumn('uuid', { name: 'part_id' })
  partId: string;

  @PrimaryColumn('smallint')
  position: number;

  @Column('text')
  state: 'waiting' | 'open' | 'passed';

  @Column('timestamptz', { name: 'eligible_at', nullable: true })
  eligibleAt: Date | null;

  @Column('timestamptz', { name: 'opened_at', nullable: true })
  openedAt: Date | null;

  @Column('timestamptz', { name: 'settled_at', nullable: true })
  settledAt: Date | null;

  @Column('timestamptz', { name: 'approved_at', nullable: true })
  approvedAt: Date | null;

  @Column('text', { name: 'approved_by', nullable: true })
  approvedBy: string | null;

  @Column('timestamptz', { name: 'passed_at', nullable: true })
  passedAt: Date | null;

  @Column('integer', { name: 'forgiven_failed' })
  forgivenFailed: number;

  @Column('integer', { name: 'forgiven_timeouts' })
  forgivenTimeouts: number;

  @Column('jsonb', { nullable: true })
  counts: RingCounts | null;
}

@Entity('deployment_member')
export class DeploymentMember {
  @PrimaryColumn('uuid', { name: 'part_id' })
  partId: string;

  @PrimaryColumn('text', { name: 'controller_id' })
  controllerId: string;

  @Column('smallint')
  ring: number;

  @Column('timestamptz', { name: 'released_at', nullable: true })
  releasedAt: Date | null;
}
