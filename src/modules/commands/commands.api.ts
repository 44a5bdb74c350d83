/** What other modules may use of commands. */
export { CommandService } from './command.service.js';
export * from './command.types.js';
export { GROUP_OF, OPEN_STATES, TARGET_STATES, type StateGroup, type TargetState } from './target-states.js';
