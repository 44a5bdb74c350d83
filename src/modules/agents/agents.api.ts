/** What other modules may use of agents. */
export {
  ActionPort,
  NO_WORK,
  type AgentWork,
  type AskingAgent,
  type Confirmation,
  type ContentChunk,
  type ContentFile,
  type ContentRole,
  type DeploymentContent,
  type Feedback,
  type Handling,
} from './action.port.js';
export { AgentGroupService } from './agent-group.service.js';
export { ComponentNumberings } from './component-numberings.js';
export { isControllerId } from './agent.errors.js';
export { FleetSelectionBody } from './fleet-selection.dto.js';
export { FleetService } from './fleet.service.js';
export {
  agentLicenceCovers,
  type AgentLicence,
  type Approval,
  type FleetMember,
  type FleetSelection,
} from './fleet.types.js';
export { GroupUses } from './group-uses.js';
export { inventoryItem, type InventoryItem } from './inventory.js';
export { ProductRecord } from './product-record.js';
export { StandingService, type Standing } from './standing.service.js';
export { Waker } from './waker.js';
export { WakeUpCalls } from './wake-up-calls.js';
export { WorkGate } from './work-gate.js';
