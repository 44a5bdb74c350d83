/** What other modules may use of agents. */
export {
  agentLicenceCovers,
  FleetService,
  type AgentLicence,
  type Approval,
  type FleetMember,
  type FleetSelection,
} from './fleet.service.js';
