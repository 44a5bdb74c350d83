import { Global, Module } from '@nestjs/common';
import { AgentChanges } from './agent-changes.js';
import { AgentDirectory } from './agent-directory.js';
import { AgentEventRepository } from './agent-event.repository.js';
import { AgentEventService } from './agent-event.service.js';
import { AgentGroupController } from './agent-group.controller.js';
import { AgentGroupService } from './agent-group.service.js';
import { AgentController } from './agent.controller.js';
import { AgentRepository } from './agent.repository.js';
import { InventoryRepository } from './inventory.repository.js';
import { AgentService } from './agent.service.js';
import { AgentSettings } from './agent.settings.js';
import { ComponentNumberings } from './component-numberings.js';
import { ConfigDataService } from './config-data.service.js';
import { ContactRecorder } from './contact-recorder.js';
import { ArtifactSender } from './ddi/artifact-sender.js';
import { Contacts } from './ddi/contacts.js';
import { DdiAuthentication } from './ddi/ddi-authentication.js';
import { DdiRoutes } from './ddi/ddi.routes.js';
import { PollHandler } from './ddi/poll-handler.js';
import { RefusedLog } from './ddi/refused-log.js';
import { WorkGate } from './work-gate.js';
import { EnrolmentTokenDirectory } from './enrolment-token.directory.js';
import { EnrolmentTokenService } from './enrolment-token.service.js';
import { EnrolmentController } from './enrolment.controller.js';
import { EnrolmentService } from './enrolment.service.js';
import { FleetService } from './fleet.service.js';
import { GroupUses } from './group-uses.js';
import { HeldPolls } from './held-polls.js';
import { ProductRecord } from './product-record.js';
import { StandingService } from './standing.service.js';
import { WakeUpCalls } from './wake-up-calls.js';
import { WakeUpNetworks } from './wake-up-networks.js';
import { Waker } from './waker.js';

/** Managed products: identity, groups, inventory, and the protocol they speak. `ActionPort` comes from the commands. */
@Global()
@Module({
  controllers: [AgentController, AgentGroupController, EnrolmentController],
  providers: [
    AgentChanges,
    AgentDirectory,
    AgentEventRepository,
    AgentEventService,
    AgentGroupService,
    AgentRepository,
    InventoryRepository,
    AgentService,
    AgentSettings,
    ArtifactSender,
    ComponentNumberings,
    ConfigDataService,
    ContactRecorder,
    Contacts,
    DdiAuthentication,
    DdiRoutes,
    EnrolmentService,
    EnrolmentTokenDirectory,
    EnrolmentTokenService,
    FleetService,
    GroupUses,
    HeldPolls,
    PollHandler,
    ProductRecord,
    RefusedLog,
    StandingService,
    WakeUpCalls,
    WakeUpNetworks,
    Waker,
    WorkGate,
  ],
  exports: [
    AgentGroupService,
    ComponentNumberings,
    FleetService,
    GroupUses,
    HeldPolls,
    ProductRecord,
    StandingService,
    WakeUpCalls,
    Waker,
    WorkGate,
  ],
})
export class AgentsModule {}
