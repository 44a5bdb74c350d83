import type { AgentRow } from './agent.repository.js';
import { connectionOf, type ConnectionState } from './connection-state.js';
import type { AgentLicence, Approval } from './fleet.types.js';

/** An agent as the API shows it. */
export interface AgentView {
  controllerId: string;
  name: string | null;
  groupId: string;
  /** `pending` or `blocked` where that decides, else how it stands with its polls. */
  state: 'pending' | 'blocked' | ConnectionState;
  approval: Approval;
  /** `since`: of that state. */
  connection: { state: ConnectionState; since: string | null; pollIntervalSeconds: number };
  lastContactAt: string | null;
  address: string | null;
  productType: string | null;
  productVersion: string | null;
  tags: string[];
  attributes: Record<string, string>;
  attributesAt: string | null;
  capabilities: string[];
  components: { id: string; version: string; rawVersion: string; variant: string | null; reportedAt: string }[];
  licences: AgentLicence[] | null;
  autoConfirm: boolean;
  callbackUrl: string | null;
  ownSchedule: string | null;
  ownUpdateSince: string | null;
  /** What an administrator should look into. */
  conflicts: AgentConflict[];
  origin: string;
  createdAt: string;
  createdBy: string;
}

export type AgentConflict =
  | { code: 'own-schedule-on'; since: string | null }
  | {
      code: 'duplicate-identity';
      since: string;
      sources: string[];
      /** Name of the enrolment token by which the second one took the place of the first; the first one is refused since. */
      enrolledBy?: string;
    };

/** A push that is longer ago does not collide with anything. */
const PUSH_MEMORY_MS = 7 * 86_400_000;

export function agentView(row: AgentRow, freshContact: Date | null, pollSeconds: number, now: Date): AgentView {
  const contact =
    freshContact !== null && (row.lastContactAt === null || freshContact > row.lastContactAt)
      ? freshContact
      : row.lastContactAt;
  const connection = connectionOf(contact, pollSeconds, now);
  return {
    controllerId: row.controllerId,
    name: row.name,
    groupId: row.groupId,
    state: row.approval === 'approved' ? connection.state : row.approval,
    approval: row.approval,
    connection: {
      state: connection.state,
      since: connection.since?.toISOString() ?? null,
      pollIntervalSeconds: pollSeconds,
    },
    lastContactAt: contact?.toISOString() ?? null,
    address: row.address,
    productType: row.productType,
    productVersion: row.productVersion,
    tags: row.tags,
    attributes: row.attributes,
    attributesAt: row.configDataAt?.toISOString() ?? null,
    capabilities: row.capabilities,
    components: row.components,
    licences: row.licences,
    autoConfirm: row.autoConfirm,
    callbackUrl: row.callbackUrl,
    ownSchedule: row.ownSchedule,
    ownUpdateSince: row.ownUpdateSince?.toISOString() ?? null,
    conflicts: conflictsOf(row, now),
    origin: row.origin,
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
  };
}

/** A product that updates itself while the server pushes collides with it: one of the two should be switched off. */
function conflictsOf(row: AgentRow, now: Date): AgentConflict[] {
  const conflicts: AgentConflict[] = [];
  const recent = row.pushedAt !== null && now.getTime() - row.pushedAt.getTime() < PUSH_MEMORY_MS;
  if (row.ownSchedule === 'on' && recent)
    conflicts.push({ code: 'own-schedule-on', since: row.configDataAt?.toISOString() ?? null });
  if (row.duplicate !== null) conflicts.push({ code: 'duplicate-identity', ...row.duplicate });
  return conflicts;
}
