import type { TargetState } from './target-states.js';

export const COMMAND_TYPES = [
  'deploy',
  'rollback',
  'set-schedule',
  'set-update-source',
  'refresh-inventory',
  'collect-diagnostics',
  'deliver-licence',
  'download',
  'upload',
] as const;
export type CommandType = (typeof COMMAND_TYPES)[number];

/** Stands in the place of a product for what the server does itself; no product may be called so. */
export const SERVER = '@server';

/** `person`: ordered by hand; `schedule`: by the clock; `plan`: by a deployment plan. */
export type CommandOrigin = 'person' | 'schedule' | 'plan';

export type Handling = 'forced' | 'attempt' | 'skip';

/**
 * When a product may install: daily between two local times (`HH:MM`; may span midnight) on some days (0 = Sunday; absent: all),
 * or once between two instants.
 */
export type MaintenanceWindow =
  | { kind: 'daily'; from: string; to: string; timeZone: string; days?: number[] }
  | { kind: 'once'; from: string; to: string };

export interface DeployedRelease {
  componentId: string;
  releaseId: string;
  /** Raw, as in the manifest. */
  version: string;
  variant: string | null;
  channel: string;
}

export interface DeployParameters {
  releases: DeployedRelease[];
  mode: { download: Handling; update: Handling };
  window: MaintenanceWindow | null;
  needsConfirmation?: boolean;
}

export interface NewTarget {
  controllerId: string;
  state: 'queued' | 'skipped';
  /** Stable code; for a queued one usually null. */
  reason: string | null;
  versionBefore: string | null;
  /** `ring`: recorded, but not offered before `releaseHeld`. */
  held?: 'ring' | null;
  /** Which components of the order this product is to get; default: all of them. */
  components?: string[];
}

/** What a product that is held back still has to get. */
export interface TargetRevision {
  controllerId: string;
  components: string[];
  /** Why it is skipped when none of its components is left. Stable code. */
  reason: string;
  /** By component; for a person. */
  versions: Record<string, string | null>;
}

export interface NewCommand {
  type: CommandType;
  issuedBy: string;
  origin?: CommandOrigin;
  parameters: object;
  targets: NewTarget[];
  /** Default: `settings/commands`, 24 h. */
  expiresAt?: Date;
  /** Default: settings, 3. */
  tries?: number;
  /** Default: settings, 30. */
  retryMinutes?: number;
  deploymentId?: string;
}

export type StateCounts = Record<TargetState, number>;

/** A command whose targets or standing changed. Coalesced: several changes may come as one. */
export interface CommandChange {
  commandId: string;
  deploymentId: string | null;
}

/** How many targets were withdrawn, and how many were asked to stop. */
export interface CancelOutcome {
  withdrawn: number;
  asked: number;
}

export interface TargetFilter {
  states?: TargetState[];
  /** Only after this one, in order of the controllerId. */
  after?: string;
  limit?: number;
}

export interface TargetRow {
  controllerId: string;
  actionId: string;
  state: TargetState;
  reason: string | null;
  since: Date;
  held: string | null;
  attempt: number;
  nextAttemptAt: Date | null;
  components: string[];
  versionBefore: string | null;
  versionAfter: string | null;
  confirmation: string | null;
  progress: number | null;
  progressAt: Date;
  slowSince: Date | null;
  /** Id of the command that took its place. */
  supersededBy: string | null;
  deliveredAt: Date | null;
  expiresAt: Date;
  endedAt: Date | null;
  code: number | null;
  message: string | null;
  /** Texts of the product that were not kept. */
  droppedMessages: number;
}
