import { Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import type { DataSource } from 'typeorm';
import { CONFIG, type Config } from './config/config.js';
import { DatabaseModule } from './database/database.module.js';
import { IdempotencyRepository } from './database/idempotency.repository.js';
import { NotificationBus } from './database/notify.js';
import { MirrorModule } from './mirror/mirror.module.js';
import { PublishListener, PublishSteps } from './mirror/snapshot/snapshot-publisher.js';
import { SourceLimits } from './mirror/snapshot/source-opener.js';
import { MissingRequests } from './mirror/source/missing-requests.js';
import { PublishedTree } from './mirror/source/published-tree.js';
import { BlobStore } from './mirror/store/blob-store.js';
import { AccountsModule } from './modules/accounts/accounts.module.js';
import { AgentsModule } from './modules/agents/agents.module.js';
import { CommandsModule } from './modules/commands/commands.module.js';
import { DeployModule } from './modules/deploy/deploy.module.js';
import { DownloadModule } from './modules/download/download.module.js';
import { Clock } from './platform/clock/clock.js';
import { Idempotency, IdempotencyStore } from './platform/http/idempotency.js';
import { ListenerAddresses } from './platform/http/listener-addresses.js';
import { LOGGER, type Logger } from './platform/logging/logger.js';
import { SecretBox } from './platform/secrets/secret-box.js';

/** What exists before the application and outlives it. */
export interface Runtime {
  config: Config;
  logger: Logger;
  clock: Clock;
  dataSource: DataSource;
  blobs: BlobStore;
  secrets: SecretBox;
  tree: PublishedTree;
  missing: MissingRequests;
  publishListener: PublishListener;
  publishSteps: PublishSteps;
  sourceLimits: SourceLimits;
  bus: NotificationBus;
  addresses: ListenerAddresses;
  /** Whether jobs run by the clock on the wall. */
  cronJobs: boolean;
}

@Module({})
class RuntimeModule {
  static of(runtime: Runtime): DynamicModule {
    const providers = [
      { provide: CONFIG, useValue: runtime.config },
      { provide: LOGGER, useValue: runtime.logger },
      { provide: Clock, useValue: runtime.clock },
      { provide: BlobStore, useValue: runtime.blobs },
      { provide: SecretBox, useValue: runtime.secrets },
      { provide: PublishedTree, useValue: runtime.tree },
      { provide: MissingRequests, useValue: runtime.missing },
      { provide: PublishListener, useValue: runtime.publishListener },
      { provide: PublishSteps, useValue: runtime.publishSteps },
      { provide: SourceLimits, useValue: runtime.sourceLimits },
      { provide: NotificationBus, useValue: runtime.bus },
      { provide: ListenerAddresses, useValue: runtime.addresses },
      { provide: IdempotencyStore, useFactory: () => new IdempotencyRepository(runtime.dataSource) },
      Idempotency,
    ];
    return { module: RuntimeModule, global: true, providers, exports: providers };
  }
}

@Module({})
export class AppModule {
  static of(runtime: Runtime): DynamicModule {
    return {
      module: AppModule,
      imports: [
        RuntimeModule.of(runtime),
        DatabaseModule.forDataSource(runtime.dataSource),
        ScheduleModule.forRoot({ cronJobs: runtime.cronJobs }),
        AccountsModule,
        MirrorModule,
        AgentsModule,
        CommandsModule,
        DownloadModule,
        DeployModule,
      ],
    };
  }
}
