import type { DataSource } from 'typeorm';
import { entities } from '../app.entities.js';
import type { Config } from '../config/config.js';
import { connectDataSource, createDataSource } from '../database/data-source.js';
import { findRunningEmbeddedPostgres, startEmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import type { RecordedFiles } from '../mirror/snapshot/verify.js';
import type { Logger } from '../platform/logging/logger.js';
import { embeddedDirectory, requireEmbedded } from '../server/embedded.js';

export interface RecordedFilesReader {
  read: () => Promise<RecordedFiles[]>;
  close: () => Promise<void>;
}

/**
 * Reads from the database what releases consist of, beside a running server and without one; changes nothing, the schema included.
 * Null when the database cannot be reached.
 */
export async function openRecordedFiles(config: Config, logger: Logger): Promise<RecordedFilesReader | null> {
  const cleanUp: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of cleanUp.reverse()) await step().catch(() => undefined);
  };
  try {
    const url = config.databaseUrl ?? (await embeddedUrl(config, logger, cleanUp));
    const dataSource = createDataSource({ url, poolSize: 1, entities, logger, applicationName: 'haishin-verify' });
    await connectDataSource(dataSource);
    cleanUp.push(() => dataSource.destroy());
    const reader = { read: () => readRecordedFiles(dataSource), close };
    // A database of another version would fail only in the middle.
    await reader.read();
    return reader;
  } catch (fault) {
    await close();
    logger.debug({ err: fault }, 'the database cannot be asked');
    return null;
  }
}

async function embeddedUrl(config: Config, logger: Logger, cleanUp: (() => Promise<void>)[]): Promise<string> {
  const dataDir = embeddedDirectory(config);
  const running = await findRunningEmbeddedPostgres(dataDir);
  if (running !== undefined) return running.url;
  await requireEmbedded(config);
  const started = await startEmbeddedPostgres({ dataDir, logger });
  cleanUp.push(() => started.stop());
  return started.url;
}

async function readRecordedFiles(dataSource: DataSource): Promise<RecordedFiles[]> {
  const rows = await dataSource.query<
    (Omit<RecordedFiles, 'files'> & { path: string; sha256: string; size: string })[]
  >(
    `select r.id, r.component_id as "componentId", r.version, r.origin, f.path, f.sha256, f.size
     from release r join release_file f on f.release_id = r.id
     union all
     select r.id, r.component_id, r.version, r.origin, f.signature_path, f.signature_sha256, f.signature_size
     from release r join release_file f on f.release_id = r.id
     where f.signature_sha256 is not null and f.signature_path is not null and f.signature_size is not null`,
  );
  const releases = new Map<string, RecordedFiles>();
  for (const { path, sha256, size, ...facts } of rows) {
    const release = releases.get(facts.id) ?? { ...facts, files: [] };
    release.files.push({ path, sha256, size: Number(size) });
    releases.set(facts.id, release);
  }
  return [...releases.values()];
}
