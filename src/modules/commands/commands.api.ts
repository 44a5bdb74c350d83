/** What other modules may use of commands. */
export { CommandService } from './command.service.js';
export { CommandStanding } from './command-standing.js';
export {
  COMMAND_TYPES,
  type CommandChange,
  type CommandOrigin,
  type CommandType,
  type DeployedRelease,
  type DeployParameters,
  type Handling,
  type MaintenanceWindow,
  type NewCommand,
  type NewTarget,
  type StateCounts,
  type TargetRevision,
} from './command.types.js';
export { isWindowOpen } from './maintenance-window.js';
export { OrderTerms } from './order-terms.dto.js';
export { ServerWork, type NewServerWork, type ServerWorkEnd } from './server-work.js';
export { GROUP_OF, OPEN_STATES, TARGET_STATES, type StateGroup, type TargetState } from './target-states.js';
