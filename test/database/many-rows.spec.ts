import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { entities } from '../../src/app.entities.js';
import { ReleaseRepository, type NewRelease } from '../../src/mirror/snapshot/release.repository.js';
import { SnapshotRepository } from '../../src/mirror/snapshot/snapshot.repository.js';
import { openTestDataSource, type TestDataSource } from '../support/test-data-source.js';

/** More than one statement can have parameters. */
const MANY = 70_000;

describe('statements about all components of a mirror', () => {
  let database: TestDataSource;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await openTestDataSource(entities, 2);
    dataSource = database.dataSource;
  });
  afterAll(() => database.drop());

  it('take any number of them', async () => {
    const now = new Date('2026-03-02T00:00:00Z');
    await dataSource.query(
      `insert into component (id, name_ja, name_en, kind, numbering, licence, cadence, position, created_at, updated_at)
       select 'c' || n, '', '', 'pattern', 'integer', 'base', '{}', n, now(), now() from generate_series(0, $1::int) n`,
      [MANY],
    );
    const releases = new ReleaseRepository(dataSource);
    const snapshots = new SnapshotRepository(dataSource);
    const provenance = { origin: 'mirrored' as const, derivedFrom: null, source: null, createdBy: null };
    const news = Array.from({ length: MANY }, (_, at): NewRelease => {
      const draft = { componentId: `c${at}`, digest: String(at), lines: [], files: [] };
      return { draft, version: '1', variant: null, provenance };
    });
    const ids = await releases.findOrCreate(dataSource.manager, news, now);
    const members = new Map(news.map(({ draft }, at) => [draft.componentId, ids[at] ?? '']));
    const channel = { channel: 'global' as const, manifestSha256: 'a'.repeat(64), fileCount: 0, totalBytes: 0 };
    const snapshot = { id: randomUUID(), reason: 'download', downloadId: null, createdBy: 'test' };
    await snapshots.insert(dataSource.manager, { ...snapshot, channels: [{ ...channel, releases: members }] }, now);
    expect(await snapshots.releases(snapshot.id, 'global')).toEqual(members);
    expect((await releases.findMany(ids)).size).toBe(MANY);
    expect(await snapshots.unpin(dataSource.manager, [...members.keys()])).toBe(0);
  });
});
