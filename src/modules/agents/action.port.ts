import type { EntityManager } from 'typeorm';
/** What DDI tells of actions, without links: the links depend on how the product reached us. */

export type Handling = 'forced' | 'attempt' | 'skip';

/** An action that is offered; `version` changes whenever its content does. */
export interface OfferedAction {
  actionId: string;
  version: string;
}

/** What is open for one product. At most one of deployment, confirmation and cancellation is shown. */
export interface AgentWork {
  deployment: OfferedAction | null;
  confirmation: OfferedAction | null;
  cancellation: { actionId: string } | null;
  command: OfferedAction | null;
  installed: { actionId: string } | null;
  /** When it will be another one by itself, because a maintenance window opens or closes; null: not soon. */
  changesAt: Date | null;
}

export const NO_WORK: AgentWork = {
  deployment: null,
  confirmation: null,
  cancellation: null,
  command: null,
  installed: null,
  changesAt: null,
};

export type ContentRole = 'full' | 'package' | 'signature' | 'increment';

export interface ContentFile {
  filename: string;
  role: ContentRole;
  /** Bytes. */
  size: number;
  sha256: string;
  md5: string;
  sha1: string;
}

export interface ContentChunk {
  /** Numeric text; belongs to one action of one product. */
  moduleId: string;
  /** Component id. */
  part: string;
  /** As people read it. */
  version: string;
  name: string;
  metadata: { key: string; value: string }[];
  artifacts: ContentFile[];
  /** Offered by links beside the first artifact, not as artifacts. */
  extras: ContentFile[];
}

export interface DeploymentContent {
  actionId: string;
  download: Handling;
  update: Handling;
  maintenanceWindow: 'available' | 'unavailable' | null;
  chunks: ContentChunk[];
  /** Absent unless asked for. */
  history: { status: string; messages: string[] } | null;
}

export const EXECUTIONS = [
  'scheduled',
  'download',
  'downloaded',
  'proceeding',
  'resumed',
  'rejected',
  'canceled',
  'closed',
] as const;
export type Execution = (typeof EXECUTIONS)[number];

/** One message of a product about an action, bounded. */
export interface Feedback {
  execution: Execution;
  finished: 'none' | 'success' | 'failure';
  code: number | null;
  progress: { done: number; total: number } | null;
  messages: string[];
  /** Details that were left out or shortened. */
  dropped: number;
}

export interface Confirmation {
  confirmed: boolean;
  code: number | null;
  messages: string[];
}

export interface AskingAgent {
  controllerId: string;
  capabilities: readonly string[];
  /** `on`: the product also updates itself. */
  ownSchedule: string | null;
}

/**
 * What agents need of commands; implemented there. Every method that names an action throws AppError `action-unknown` (404)
 * for one that is not this product's, and `action-closed` (410) for one that has ended.
 */
export abstract class ActionPort {
  /** One query for all of them; a product without work may be absent. */
  abstract workOf(controllerIds: readonly string[]): Promise<Map<string, AgentWork>>;

  /** Marks the action as delivered. `historyLength`: how many of its messages to tell; 0: none. */
  abstract deployment(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent>;

  /** The same content while the consent is awaited; delivers nothing. */
  abstract confirmation(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent>;

  abstract installed(agent: AskingAgent, actionId: string, historyLength: number): Promise<DeploymentContent>;

  abstract command(agent: AskingAgent, actionId: string): Promise<{ type: string; parameters: object }>;

  /** For deployments and commands alike. */
  abstract feedback(agent: AskingAgent, actionId: string, feedback: Feedback): Promise<void>;

  abstract cancellation(agent: AskingAgent, actionId: string): Promise<{ stopId: string }>;

  abstract cancelFeedback(agent: AskingAgent, actionId: string, feedback: Feedback): Promise<void>;

  abstract confirm(agent: AskingAgent, actionId: string, answer: Confirmation): Promise<void>;

  /** The product consents to everything that waits for it now. */
  abstract confirmAll(agent: AskingAgent): Promise<void>;

  /** Files of a module, as long as its action is open or the last one that was installed. */
  abstract files(agent: AskingAgent, moduleId: string): Promise<ContentFile[]>;

  /** In the transaction that deletes the product: its open orders end. */
  abstract agentRemoved(manager: EntityManager, controllerIds: readonly string[]): Promise<void>;
}
