import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { DownloadModule } from '../download/download.module.js';
import { AutomaticDeployments } from './automatic.deployments.js';
import { DeploymentControl } from './deployment.control.js';
import { DeploymentController } from './deployment.controller.js';
import { DeploymentEvents } from './deployment.events.js';
import { DeploymentObservers } from './deployment.observers.js';
import { DeploymentPlanner } from './deployment.planner.js';
import { DeploymentReader } from './deployment.reader.js';
import { DeploymentRepository } from './deployment.repository.js';
import { DeploymentService } from './deployment.service.js';
import { DeploymentSettings } from './deployment.settings.js';
import { LateJoiners } from './late-joiners.js';
import { DeploymentSettingsController, PlanController } from './plan.controller.js';
import { PlanRepository } from './plan.repository.js';
import { PlanService } from './plan.service.js';
import { ProductRepository } from './product.repository.js';
import { RingRepository } from './ring.repository.js';
import { RingRunner } from './ring.runner.js';
import { RingSweeper } from './ring.sweeper.js';
import { RunningOrders } from './running-orders.js';

/** Intent: what goes where and when. Commands carry it out. */
@Module({
  imports: [AgentsModule, CommandsModule, DownloadModule],
  controllers: [DeploymentController, PlanController, DeploymentSettingsController],
  providers: [
    AutomaticDeployments,
    DeploymentControl,
    DeploymentEvents,
    DeploymentObservers,
    DeploymentPlanner,
    DeploymentReader,
    DeploymentRepository,
    DeploymentService,
    DeploymentSettings,
    LateJoiners,
    PlanRepository,
    PlanService,
    ProductRepository,
    RingRepository,
    RingRunner,
    RingSweeper,
    RunningOrders,
  ],
})
export class DeployModule {}
