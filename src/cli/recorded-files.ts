import type { DataSource } from 'typeorm';
import type { Config } from '../config/config.js';
import type { RecordedFiles } from '../mirror/snapshot/verify.js';
import type { Logger } from '../platform/logging/logger.js';
import { requireEmbedded } from '../server/embedded.js';
import { withDatabase } from './borrowed-database.js';

/**
 * How to read from the database what releases consist of, beside a running server and without one; changes nothing, the schema
 * included, and holds nothing between two readings. Null when the database cannot be asked.
 */
export async function recordedFiles(config: Config, logger: Logger): Promise<(() => Promise<RecordedFiles[]>) | null> {
  const read = async (): Promise<RecordedFiles[]> => {
    if (config.databaseUrl === undefined) await requireEmbedded(config);
    return withDatabase(config, logger, ({ dataSource }) => readRecordedFiles(dataSource));
  };
  try {
    // Now, because a database of another version would fail only in the middle.
    let first: RecordedFiles[] | null = await read();
    return async () => {
      const found = first ?? (await read());
      first = null;
      return found;
    };
  } catch (fault) {
    logger.debug({ err: fault }, 'the database cannot be asked');
    return null;
  }
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
