import 'reflect-metadata';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from './config/config.js';
import { DatabaseAvailability } from './database/availability.js';
import { toDatabaseError } from './database/database.errors.js';
import type { EmbeddedPostgres } from './database/embedded/embedded-postgres.js';
import { CHANNELS } from './mirror/snapshot/channel.js';
import { diskWarning } from './mirror/snapshot/disk-room.js';
import { PublishedDirectory } from './mirror/snapshot/published-directory.js';
import { noSteps, type PublishSteps, SnapshotPublisher } from './mirror/snapshot/snapshot-publisher.js';
import { SourceLimits } from './mirror/snapshot/source-opener.js';
import { MissingRequests } from './mirror/source/missing-requests.js';
import { PublishedTree } from './mirror/source/published-tree.js';
import { ServingCounters } from './mirror/source/serving-counters.js';
import { BlobStore } from './mirror/store/blob-store.js';
import { MirrorStandingService, MissingRequestRecorder } from './modules/download/download.api.js';
import { systemClock, type Clock } from './platform/clock/clock.js';
import { type AppError, saying, toAppError } from './platform/errors/app-error.js';
import type { Logger } from './platform/logging/logger.js';
import { SecretBox } from './platform/secrets/secret-box.js';
import type { ServerCertificate } from './platform/tls/server-certificate.js';
import { CertificateStanding } from './server/certificate-standing.js';
import { startContent, type ContentServer } from './server/content.js';
import { createControl } from './server/control.js';
import { endsStart, openDatabase, type Database } from './server/database.js';
import { finishPublication } from './server/finish-publication.js';
import { openApplication } from './server/open-application.js';
import { createMetrics } from './server/metrics.js';
import { Readiness } from './server/readiness.js';
import { RunFile, type RunFacts } from './server/run-file.js';

export interface ServerOptions {
  config: Config;
  logger: Logger;
  clock?: Clock;
  publishSteps?: PublishSteps;
  sourceLimits?: SourceLimits;
  /** Default: true. Without: for whoever starts downloads himself, and must not be disturbed by a quarter of an hour that strikes. */
  cronJobs?: boolean;
  /** The embedded database, when its start has begun already; ended with the server in every case. */
  embedded?: Promise<EmbeddedPostgres>;
  /** Another process took the data directory, of an embedded database whose start begins later. */
  onDirectoryLost?: () => void;
}

export interface RunningServer {
  httpUrl: string | null;
  httpsUrl: string | null;
  /** SHA-256 of the certificate in use; null without HTTPS. */
  certificateFingerprint: string | null;
  selfIssued: boolean;
  /** Null while the database cannot be reached. */
  application(): NestFastifyApplication | null;
  stop(): Promise<void>;
}

/** A stop must end within 10 s; this much of it is for transfers under way. */
const DRAIN_MS = 5_000;
const DATABASE_RETRY_MS = 2_000;
/** Each try starts processes. */
const EMBEDDED_RETRY_MS = 30_000;

/**
 * Starts the server: first what serves content, which needs no database, then the application. An external database that is
 * away does not stop it, and whatever is wrong with the database does not where there is something to serve: content is served, the
 * rest answers 503, and it is tried until it is there.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = new HaishinServer(options);
  try {
    await server.start();
    return server;
  } catch (fault) {
    await server.stop();
    throw fault;
  }
}

class HaishinServer implements RunningServer {
  private readonly config: Config;
  private readonly logger: Logger;
  private readonly clock: Clock;
  private readonly readiness: Readiness;
  private readonly missing = new MissingRequests();
  private readonly counters = new ServingCounters();
  private readonly tree: PublishedTree;
  private readonly blobs: BlobStore;
  private readonly runFile: RunFile;
  private content: ContentServer | null = null;
  private certificate: ServerCertificate | null = null;
  private readonly standing: CertificateStanding;
  private database: Database | null = null;
  private availability: DatabaseAvailability | null = null;
  private app: NestFastifyApplication | null = null;
  private localToken: string | null = null;
  private databaseFault: AppError | null = null;
  private retry: NodeJS.Timeout | undefined;
  private trying: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | null = null;
  private readonly isStopping = (): boolean => this.stopping !== null;

  constructor(private readonly options: ServerOptions) {
    this.config = options.config;
    this.logger = options.logger;
    this.clock = options.clock ?? systemClock;
    this.readiness = new Readiness(this.clock, ['content', 'database'], {
      disk: () => diskWarning(this.config.dataDir),
    });
    this.standing = new CertificateStanding(this.readiness, this.logger);
    this.tree = new PublishedTree(this.config.dataDir, this.logger, () => this.tellContent());
    this.blobs = new BlobStore(this.config.dataDir);
    this.runFile = new RunFile(this.config.dataDir);
  }

  get httpUrl(): string | null {
    return this.content?.httpUrl ?? null;
  }

  get httpsUrl(): string | null {
    return this.content?.httpsUrl ?? null;
  }

  get certificateFingerprint(): string | null {
    return this.certificate?.fingerprintSha256 ?? null;
  }

  get selfIssued(): boolean {
    return this.certificate?.selfIssued ?? false;
  }

  application(): NestFastifyApplication | null {
    return this.app;
  }

  async start(): Promise<void> {
    const { config, logger } = this;
    await mkdir(config.dataDir, { recursive: true });
    await this.blobs.open();
    await new PublishedDirectory(config.dataDir, this.blobs).open(CHANNELS);
    const secrets = await SecretBox.open(join(config.dataDir, 'keys', 'secrets.key'));
    const metrics = createMetrics({
      counters: this.counters,
      readiness: this.readiness,
      certificate: this.standing,
      tree: this.tree,
      dataDir: config.dataDir,
      standing: () => this.app?.get(MirrorStandingService).read(),
    });
    const rest = createControl({
      readiness: this.readiness,
      metrics,
      application: () => this.app,
      fault: () => this.databaseFault,
    });
    // Both are waited for, also when one fails: what has begun to listen must be there to be stopped.
    const [content, application] = await Promise.allSettled([
      startContent({
        config,
        logger,
        tree: this.tree,
        missing: this.missing,
        counters: this.counters,
        rest,
        onCertificate: (certificate) => this.useCertificate(certificate),
        onCertificateRefused: (fault) => this.standing.refuse(fault),
      }).then((started) => (this.content = started)),
      this.openApplication(secrets, true),
    ]);
    // A second server on this directory usually wants its ports as well, and the owner's process is what helps.
    if (application.status === 'rejected') throw application.reason;
    if (content.status === 'rejected') throw content.reason;
    this.tellContent();
    await this.runFile.write({
      pid: process.pid,
      http: this.httpUrl,
      https: this.httpsUrl,
      token: this.localToken,
      certificate: this.certificateFingerprint,
    });
  }

  private tellContent(): void {
    if (this.content === null || this.stopping !== null) return;
    this.readiness.set('content', this.tree.fault);
  }

  /** Tries until the database is there; only a fault of the first try that leaves nothing to serve meanwhile is thrown. */
  private async openApplication(secrets: SecretBox, firstTry: boolean): Promise<void> {
    const { config, logger } = this;
    try {
      await this.tryToOpen(secrets, firstTry ? this.options.embedded : undefined);
    } catch (fault) {
      const error = toAppError(toDatabaseError(fault));
      if (firstTry && !(await this.servesWithout(error))) throw fault;
      if (this.stopping !== null) return;
      this.readiness.set('database', error);
      // Once it serves content it gives up no more: a password that is being changed, or a database being restored, is mended there.
      const said = this.databaseFault?.message === error.message;
      logger[said ? 'debug' : 'error'](
        { code: error.code, ...(error.kind === 'unavailable' ? {} : { err: fault }) },
        `${error.message} Content is served all the same; the database is tried again.`,
      );
      this.databaseFault = error;
      const milliseconds = config.databaseUrl === undefined ? EMBEDDED_RETRY_MS : DATABASE_RETRY_MS;
      this.retry = setTimeout(() => void (this.trying = this.openApplication(secrets, false)), milliseconds);
    }
  }

  /** Whether such a fault of the database is one to serve content with. */
  private async servesWithout({ code }: AppError): Promise<boolean> {
    if (endsStart(code)) return false;
    if (this.config.databaseUrl !== undefined && code === 'database-unavailable') return true;
    await this.tree.refresh();
    return CHANNELS.some((channel) => this.tree.currentSnapshot(channel) !== null);
  }

  /** On any fault nothing is left running. */
  private async tryToOpen(secrets: SecretBox, embedded: Promise<EmbeddedPostgres> | undefined): Promise<void> {
    const { config, logger, clock, blobs, tree, missing, options } = this;
    const suspect = (fault: unknown): void => this.availability?.suspect(fault);
    const database = await openDatabase(config, logger, suspect, embedded, options.onDirectoryLost);
    const { app, localToken } = await openApplication(
      database,
      {
        config,
        logger,
        clock,
        blobs,
        secrets,
        tree,
        missing,
        publishListener: { refresh: () => this.content?.refresh() ?? tree.refresh() },
        publishSteps: options.publishSteps ?? noSteps,
        sourceLimits: options.sourceLimits ?? new SourceLimits(),
        addresses: this,
        cronJobs: options.cronJobs ?? true,
      },
      this.isStopping,
    );
    this.localToken = localToken;
    this.database = database;
    this.app = app;
    await this.watch(app, database);
    // Written already without it when the database came only after the start.
    this.tellCommands({ token: this.localToken }, 'commands on this host were not told of their token');
  }

  private async watch(app: NestFastifyApplication, { url, dataSource }: Database): Promise<void> {
    const tables = dataSource.entityMetadatas.map(({ tableName }) => tableName);
    this.availability = new DatabaseAvailability({ url, logger: this.logger, clock: this.clock, tables });
    this.availability.onChange((state) => {
      this.readiness.set('database', state.up ? null : (state.lastError ?? saying('starting.part')));
      if (state.up && !this.isStopping()) finishPublication(app, this.tree, this.logger, this.isStopping);
    });
    await this.availability.start();
  }

  /** Commands on this host trust the one in use, and no other. */
  private useCertificate(certificate: ServerCertificate): void {
    this.certificate = certificate;
    this.standing.use(certificate);
    this.tellCommands(
      { certificate: certificate.fingerprintSha256 },
      'commands on this host were not told of the new certificate and will refuse it',
    );
  }

  private tellCommands(facts: Partial<RunFacts>, otherwise: string): void {
    this.runFile.change(facts).catch((err: unknown) => this.logger.warn({ err }, otherwise));
  }

  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  private async shutDown(): Promise<void> {
    clearTimeout(this.retry);
    this.standing.stop();
    this.readiness.set('content', saying('stopping'));
    await this.runFile.remove();
    const missing = this.app?.get(MissingRequestRecorder);
    this.app?.get(SnapshotPublisher).stop();
    await Promise.all([this.content?.close(DRAIN_MS), this.app?.close(), this.trying]);
    // What content workers counted until their end came after the application's own last look.
    await missing?.flush();
    if (this.content === null) this.tree.stop();
    await this.availability?.stop();
    await this.database?.close();
    // Already stopped with the database, unless the start ended before it got there.
    await this.options.embedded?.then(
      (embedded) => embedded.stop(),
      () => undefined,
    );
  }
}
