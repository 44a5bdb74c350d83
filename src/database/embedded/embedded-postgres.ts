import { chmod, mkdir, rm, stat, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { DatabaseLogger } from '../database.logger.js';
import { preparePostgresBinaries } from './binaries.js';
import {
  clusterVersion,
  createCluster,
  EMBEDDED_DATABASE,
  EMBEDDED_USER,
  pathForAccount,
  refuseOtherVersion,
} from './cluster.js';
import { acquireOwnerLock, findLockOwner } from './owner-lock.js';
import { postgresArguments } from './postgres-settings.js';
import type { PostmasterPlan } from './postmaster.js';
import { findPostmaster, readPostmasterFile, socketDirOf } from './postmaster-file.js';
import { PostmasterSupervisor } from './postmaster.supervisor.js';
import { HiddenProcess } from './process-identity.js';
import { chooseRunAs, handOver } from './run-as.js';
import { prepareSocketDirectory } from './socket-directory.js';

export interface EmbeddedPostgresOptions {
  /** Everything lies below it: `cluster/`, `socket/`, `postgres.log`, `lock`. */
  dataDir: string;
  logger: DatabaseLogger;
  /** Settings that win over ours, such as `fsync=off` for tests. */
  settings?: Readonly<Record<string, string>>;
  /** Called when the first process of PostgreSQL has been started. */
  onProcess?: () => void;
  /** Stopped again within moments, so that whoever wants the directory meanwhile waits: for commands. */
  brief?: boolean;
  /** Another process took the directory, because this one gave no sign of life for a while; the server has been ended. */
  onLost?: () => void;
}

export interface EmbeddedPostgresConnection {
  /** Directory of the unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
}

export interface EmbeddedPostgres {
  connectionOptions: EmbeddedPostgresConnection;
  /** The same as a URL, for everything that takes DATABASE_URL. */
  url: string;
  /** Stops the server, within 5 s unless the machine is stuck, and gives the directory free. */
  stop(): Promise<void>;
}

/** A log that nobody rotates: emptied at a start that finds it larger. */
const MAX_LOG_BYTES = 5 * 1024 * 1024;

/**
 * Starts the PostgreSQL that comes with Haishin on `dataDir`, creating it when it is empty; a server left behind by a
 * killed process is taken over. It is restarted when it crashes.
 * Throws AppError `data-directory-in-use`, `embedded-database-missing`, `embedded-database-owner`,
 * `embedded-database-version`, `embedded-database-unreachable-directory`, `socket-directory-taken`,
 * `embedded-database-nameless-account`, `embedded-database-init-failed`, `embedded-database-start-failed`, `disk-full`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger } = options;
  const dataDir = resolve(options.dataDir);
  await makeDataDirectory(dataDir);
  let ended: Promise<void> | undefined;
  let supervisor: PostmasterSupervisor | undefined;
  const onLost = (): void => {
    logger.error({ dataDir }, 'another process has taken the data directory: the embedded database is ended here');
    ended = (ended ?? Promise.resolve())
      .then(() => supervisor?.cutOff())
      .catch((error: unknown) => logger.error({ err: error }, 'the embedded database could not be ended'))
      .then(() => options.onLost?.());
  };
  const lock = await acquireOwnerLock(join(dataDir, 'lock'), logger, { brief: options.brief === true, onLost });
  try {
    const plan = await preparePlan(dataDir, options);
    supervisor = new PostmasterSupervisor(plan, logger, options.onProcess);
    await supervisor.start();
    // Lost while it started.
    if (ended !== undefined) await supervisor.cutOff();
    const end = async (): Promise<void> => {
      await supervisor?.stop();
      await rm(plan.socketDir, { recursive: true, force: true });
      await lock.release();
    };
    return {
      ...describeConnection(plan.socketDir),
      // Once: after the lock is released, the directory of the socket may be somebody else's.
      stop: () => (ended ??= end()),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * The connection of an embedded server that another process of Haishin runs on `dataDir`, for commands that are given
 * beside a running server; undefined when there is none. What runs for a command only is none, for it ends with that.
 */
export async function findRunningEmbeddedPostgres(
  dataDir: string,
): Promise<Omit<EmbeddedPostgres, 'stop'> | undefined> {
  const owner = await findLockOwner(join(resolve(dataDir), 'lock'));
  if (owner === undefined || owner.brief) return undefined;
  const clusterDir = join(resolve(dataDir), 'cluster');
  try {
    const running = await findPostmaster(clusterDir);
    return running === undefined ? undefined : describeConnection(running.socketDir);
  } catch (error) {
    if (!(error instanceof HiddenProcess)) throw error;
    // Its owner lives, and looks after it.
    return describeConnection(socketDirOf((await readPostmasterFile(clusterDir)) ?? []));
  }
}

async function makeDataDirectory(dataDir: string): Promise<void> {
  const created = await mkdir(dataDir, { recursive: true });
  // Postgres itself guards the cluster; its account must get through to it, whatever the umask says.
  if (created !== undefined) await chmod(dataDir, 0o755);
}

async function preparePlan(dataDir: string, options: EmbeddedPostgresOptions): Promise<PostmasterPlan> {
  const clusterDir = join(dataDir, 'cluster');
  const runAs = await chooseRunAs(clusterDir);
  if (await handOver(clusterDir, runAs))
    options.logger.info({ clusterDir, uid: runAs.uid }, 'a database that belonged to root was given to its account');
  const binaries = await preparePostgresBinaries(runAs, options.logger);
  const found = await clusterVersion(clusterDir);
  if (found !== undefined) refuseOtherVersion(clusterDir, found, binaries.majorVersion);
  else {
    await createCluster(clusterDir, binaries, runAs, options.onProcess);
    options.logger.info({ clusterDir, version: binaries.majorVersion }, 'database created');
  }
  const socketDir = await prepareSocketDirectory(dataDir, runAs);
  const logFile = join(dataDir, 'postgres.log');
  if (((await stat(logFile).catch(() => undefined))?.size ?? 0) > MAX_LOG_BYTES) await truncate(logFile);
  const args = postgresArguments(await pathForAccount(clusterDir, runAs), socketDir, options.settings);
  return { binaries, runAs, clusterDir, socketDir, logFile, args };
}

function describeConnection(socketDir: string): Omit<EmbeddedPostgres, 'stop'> {
  return {
    connectionOptions: { host: socketDir, port: 5432, user: EMBEDDED_USER, database: EMBEDDED_DATABASE },
    url: `postgresql://${EMBEDDED_USER}@/${EMBEDDED_DATABASE}?host=${encodeURIComponent(socketDir)}`,
  };
}
