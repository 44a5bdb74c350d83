import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config/config.js';
import { SettingStore } from '../database/setting-store.js';
import { Clock } from '../platform/clock/clock.js';
import { LOGGER, type Logger } from '../platform/logging/logger.js';
import { SecretBox } from '../platform/secrets/secret-box.js';
import { CatalogueRepository } from './catalogue/catalogue.repository.js';
import { MirrorSettings } from './settings/mirror-settings.store.js';
import { MirrorService } from './snapshot/mirror.service.js';
import { PublishedDirectory } from './snapshot/published-directory.js';
import { ReleaseHolders } from './snapshot/release-holders.js';
import { ReleaseRepository } from './snapshot/release.repository.js';
import { RetentionRepository } from './snapshot/retention.repository.js';
import { RetentionService } from './snapshot/retention.service.js';
import { PublishListener, PublishSteps, SnapshotPublisher } from './snapshot/snapshot-publisher.js';
import { SnapshotRepository } from './snapshot/snapshot.repository.js';
import { SelectionPreview } from './snapshot/selection-preview.js';
import { SourceLimits, SourceOpener } from './snapshot/source-opener.js';
import { SourceReader } from './snapshot/source-reader.js';
import { SourceVisits } from './snapshot/source-visit.js';
import { StandIns } from './snapshot/stand-ins.js';
import { TreeEditor } from './snapshot/tree-editor.js';
import { UpstreamMemory } from './snapshot/upstream-memory.js';
import { BlobStore } from './store/blob-store.js';
import { userAgent } from './user-agent.js';

/**
 * Wires the mirror. Its classes know nothing of Nest; `BlobStore`, `PublishListener`, `SecretBox`, `PublishSteps` and
 * `SourceLimits` come from the server, which has them before the application exists.
 */
@Global()
@Module({
  providers: [
    { provide: SettingStore, useFactory: (db: DataSource) => new SettingStore(db), inject: [DataSource] },
    {
      provide: CatalogueRepository,
      useFactory: (db: DataSource, clock: Clock) => new CatalogueRepository(db, clock),
      inject: [DataSource, Clock],
    },
    {
      provide: MirrorSettings,
      useFactory: (store: SettingStore, secrets: SecretBox, clock: Clock) => new MirrorSettings(store, secrets, clock),
      inject: [SettingStore, SecretBox, Clock],
    },
    { provide: UpstreamMemory, useFactory: (db: DataSource) => new UpstreamMemory(db), inject: [DataSource] },
    { provide: ReleaseRepository, useFactory: (db: DataSource) => new ReleaseRepository(db), inject: [DataSource] },
    { provide: SnapshotRepository, useFactory: (db: DataSource) => new SnapshotRepository(db), inject: [DataSource] },
    {
      provide: PublishedDirectory,
      useFactory: (config: Config, blobs: BlobStore) => new PublishedDirectory(config.dataDir, blobs),
      inject: [CONFIG, BlobStore],
    },
    {
      provide: SnapshotPublisher,
      useFactory: (...args: ConstructorParameters<typeof SnapshotPublisher>) => new SnapshotPublisher(...args),
      inject: [
        DataSource,
        SnapshotRepository,
        PublishedDirectory,
        BlobStore,
        PublishListener,
        Clock,
        LOGGER,
        PublishSteps,
      ],
    },
    {
      provide: SourceOpener,
      useFactory: (blobs: BlobStore, settings: MirrorSettings, limits: SourceLimits, logger: Logger) =>
        new SourceOpener(blobs, settings, userAgent, logger, limits.values),
      inject: [BlobStore, MirrorSettings, SourceLimits, LOGGER],
    },
    ReleaseHolders,
    {
      provide: RetentionService,
      useFactory: (
        db: DataSource,
        settings: MirrorSettings,
        directory: PublishedDirectory,
        publisher: SnapshotPublisher,
        blobs: BlobStore,
        listener: PublishListener,
        holders: ReleaseHolders,
        clock: Clock,
        logger: Logger,
      ) => {
        const repository = new RetentionRepository(db);
        return new RetentionService({
          settings,
          repository,
          directory,
          publisher,
          blobs,
          listener,
          holders,
          clock,
          logger,
        });
      },
      inject: [
        DataSource,
        MirrorSettings,
        PublishedDirectory,
        SnapshotPublisher,
        BlobStore,
        PublishListener,
        ReleaseHolders,
        Clock,
        LOGGER,
      ],
    },
    {
      provide: TreeEditor,
      useFactory: (...args: ConstructorParameters<typeof TreeEditor>) => new TreeEditor(...args),
      inject: [CatalogueRepository, MirrorSettings, ReleaseRepository, SnapshotRepository, SnapshotPublisher, Clock],
    },
    {
      provide: SourceReader,
      useFactory: (
        config: Config,
        blobs: BlobStore,
        memory: UpstreamMemory,
        sources: SourceOpener,
        clock: Clock,
        logger: Logger,
      ) => {
        const visits = new SourceVisits({ memory, sources, clock, logger });
        const standIns = new StandIns({ blobs, visits, logger });
        return new SourceReader({ dataDir: config.dataDir, blobs, memory, visits, standIns, clock, logger });
      },
      inject: [CONFIG, BlobStore, UpstreamMemory, SourceOpener, Clock, LOGGER],
    },
    {
      provide: SelectionPreview,
      useFactory: (
        blobs: BlobStore,
        catalogue: CatalogueRepository,
        settings: MirrorSettings,
        memory: UpstreamMemory,
        sources: SourceOpener,
      ) => new SelectionPreview({ blobs, catalogue, settings, memory, sources }),
      inject: [BlobStore, CatalogueRepository, MirrorSettings, UpstreamMemory, SourceOpener],
    },
    {
      provide: MirrorService,
      useFactory: (
        catalogue: CatalogueRepository,
        settings: MirrorSettings,
        releases: ReleaseRepository,
        snapshots: SnapshotRepository,
        publisher: SnapshotPublisher,
        reader: SourceReader,
        memory: UpstreamMemory,
        blobs: BlobStore,
        logger: Logger,
      ) => new MirrorService({ catalogue, settings, releases, snapshots, publisher, reader, memory, blobs, logger }),
      inject: [
        CatalogueRepository,
        MirrorSettings,
        ReleaseRepository,
        SnapshotRepository,
        SnapshotPublisher,
        SourceReader,
        UpstreamMemory,
        BlobStore,
        LOGGER,
      ],
    },
  ],
  exports: [
    SettingStore,
    CatalogueRepository,
    MirrorSettings,
    UpstreamMemory,
    ReleaseRepository,
    SnapshotRepository,
    PublishedDirectory,
    SnapshotPublisher,
    ReleaseHolders,
    RetentionService,
    SelectionPreview,
    SourceOpener,
    TreeEditor,
    MirrorService,
  ],
})
export class MirrorModule {}
