import { Global, Module } from '@nestjs/common';
import { ActionPort } from '../agents/agents.api.js';
import { ActionRepository } from './action.repository.js';
import { ActionService } from './action.service.js';
import { BlobDigests } from './blob-digests.js';
import { ChangeFeed } from './change-feed.js';
import { CommandEnds } from './command-ends.js';
import { CommandStanding } from './command-standing.js';
import { CommandHeads } from './command-heads.js';
import { CommandController } from './command.controller.js';
import { CommandRepository } from './command.repository.js';
import { CommandService } from './command.service.js';
import { CommandSettings } from './command.settings.js';
import { CommandSweeper } from './command.sweeper.js';
import { Deliveries } from './deliveries.js';
import { DeploymentContents } from './deployment-content.js';
import { EventStreamController } from './event-stream.controller.js';
import { EventStream } from './event-stream.js';
import { FeedbackService } from './feedback.service.js';
import { Months } from './months.js';
import { OpenMonths } from './open-months.js';
import { OrderIntake } from './order-intake.js';
import { OrderService } from './order.service.js';
import { ServerWork } from './server-work.js';
import { TargetRepository } from './target.repository.js';
import { TrackingExport } from './tracking.export.js';
import { TrackingRepository } from './tracking.repository.js';
import { TrackingService } from './tracking.service.js';

/** Orders, their targets, and the tracking of both. Implements what the agents' protocol needs of them. */
@Global()
@Module({
  controllers: [CommandController, EventStreamController],
  providers: [
    ActionRepository,
    BlobDigests,
    ChangeFeed,
    CommandEnds,
    CommandHeads,
    CommandRepository,
    CommandService,
    CommandSettings,
    CommandStanding,
    CommandSweeper,
    Deliveries,
    DeploymentContents,
    EventStream,
    FeedbackService,
    Months,
    OpenMonths,
    OrderIntake,
    OrderService,
    ServerWork,
    TargetRepository,
    TrackingExport,
    TrackingRepository,
    TrackingService,
    { provide: ActionPort, useClass: ActionService },
  ],
  exports: [ActionPort, CommandService, CommandStanding, ServerWork],
})
export class CommandsModule {}
